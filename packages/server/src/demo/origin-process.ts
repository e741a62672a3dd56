import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { createLibraryOrigin, makeUnsteady } from './library-origin.js';
import { createOrigin } from './origin.js';
import { Traffic } from './traffic.js';

/** Set in the environment of the origin server's process. */
const marker = 'SLUICEWAY_DEMO_ORIGIN';

export const isOriginProcess = (): boolean => process.env[marker] === '1' && process.send !== undefined;

export interface OriginProcess {
  child: ChildProcess;
  url: string;
  /** The two servers of the library. */
  library: readonly [string, string];
}

/** What the two processes tell each other. */
interface Ready {
  ports: readonly [number, number, number];
}

interface Order {
  /** Keep a few downloads running, or start further ones. */
  traffic: 'keep' | 'more';
  /** The URL of the proxy. */
  base: string;
}

/** Starts `main` a second time as the origin servers and the clients, so that the memory of the proxy can be measured alone. */
export async function startOriginProcess(main: string): Promise<OriginProcess> {
  const child = fork(fileURLToPath(main), { env: { ...process.env, [marker]: '1' } });
  const [{ ports }] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`The origin server ended with ${code}`))),
  ])) as [Ready];
  const [url, first, second] = [
    `http://127.0.0.1:${ports[0]}`,
    `http://127.0.0.1:${ports[1]}`,
    `http://127.0.0.1:${ports[2]}`,
  ];
  return { child, url, library: [first, second] };
}

/** Has the clients keep a few downloads running, or start further ones, through the proxy at `base`. */
export function makeTraffic({ child }: OriginProcess, traffic: Order['traffic'], base: string): void {
  child.send({ traffic, base } satisfies Order);
}

/** Runs the origin servers, and the clients, until the parent stops. */
export function runOriginProcess(): void {
  const library = [createLibraryOrigin(), createLibraryOrigin()];
  makeUnsteady(library);
  void Promise.all([createOrigin(), ...library].map(listen)).then((ports) => process.send?.({ ports }));
  let clients: Traffic | undefined;
  process.on('message', ({ traffic, base }: Order) => {
    clients ??= new Traffic(base);
    if (traffic === 'keep') clients.keepRunning();
    else clients.start();
  });
  process.once('disconnect', () => process.exit());
  // Ctrl-C reaches every process of a terminal. The parent handles it.
  process.on('SIGINT', () => {});
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
