import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { createOrigin } from './origin.js';

/** Set in the environment of the origin server's process. */
const marker = 'SLUICEWAY_DEMO_ORIGIN';

export const isOriginProcess = (): boolean => process.env[marker] === '1' && process.send !== undefined;

export interface OriginProcess {
  child: ChildProcess;
  url: string;
}

/** Starts `main` a second time as the origin server, so that the memory of the proxy can be measured alone. */
export async function startOriginProcess(main: string): Promise<OriginProcess> {
  const child = fork(fileURLToPath(main), { env: { ...process.env, [marker]: '1' } });
  const [message] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`The origin server ended with ${code}`))),
  ])) as [{ port: number }];
  return { child, url: `http://127.0.0.1:${message.port}` };
}

/** Runs the origin server until its parent stops. */
export function runOriginProcess(): void {
  const server = createOrigin();
  server.listen(0, '127.0.0.1', () => {
    process.send?.({ port: (server.address() as AddressInfo).port });
  });
  process.once('disconnect', () => process.exit());
  // Ctrl-C reaches every process of a terminal. The parent handles it.
  process.on('SIGINT', () => {});
}
