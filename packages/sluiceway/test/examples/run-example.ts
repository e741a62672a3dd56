import { fileURLToPath } from 'node:url';
import { ExampleProcess } from '../docs/support/example.js';
import type { Network } from '../support/fixture.js';
import type { RequestHead } from '../support/message-head.js';
import { respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';

const preload = new URL('../docs/support/preload.mjs', import.meta.url).href;

export const examplesRoot = new URL('../../../../examples/', import.meta.url);

export const directoryOf = (name: string): string => fileURLToPath(new URL(`${name}/`, examplesRoot));

/** Starts the program of an example on a free port, by the built packages; it ends with the test. */
export async function runExample(
  net: Network,
  name: string,
  environment: Readonly<Record<string, string>>,
  file = 'server.js',
): Promise<ExampleProcess> {
  const env = { ...process.env, PORT: '0', ...environment };
  const running = new ExampleProcess(['--import', preload, file], directoryOf(name), env);
  net.cleanup(() => running.stop());
  return running.listening();
}

/** An origin server that answers with the target of each request. */
export async function originOf(net: Network): Promise<{ url: string; heads: RequestHead[] }> {
  const heads: RequestHead[] = [];
  const { url } = await net.origin(
    respondWith((head) => {
      heads.push(head);
      return sized(head.target);
    }),
  );
  return { url, heads };
}
