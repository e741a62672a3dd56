import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type { Network } from './fixture.js';

/** Collects the sockets that this process connects from now on, including those of the test's clients. */
export function watchDialled(net: Network): Socket[] {
  const dialled: Socket[] = [];
  const onSocket = (message: unknown): void => void dialled.push((message as { socket: Socket }).socket);
  subscribe('net.client.socket', onSocket);
  net.cleanup(() => unsubscribe('net.client.socket', onSocket));
  return dialled;
}
