import { expect } from 'vitest';
import type { Check, Example } from './example.js';

const LOOPBACK = "allowAddresses: ['127.0.0.1'], allowPorts: 'any'";

/** A program that fetches for others: refused as it stands, and served where loopback is allowed. */
async function expectGuarded(example: Example, allow: (code: string) => string): Promise<void> {
  const url = `/?url=${encodeURIComponent(`http://127.0.0.1:${example.origin.port}/files/a`)}`;
  const guarded = await example.run();
  for (const host of ['127.0.0.1', '127.1', 'localhost', '[::1]', '169.254.169.254'])
    expect((await guarded.send(`/?url=http://${host}/`)).head.status).toBe(403);
  expect((await guarded.send(url)).head.status).toBe(403);
  expect(example.origin.seen).toEqual([]);
  const allowing = await example.run(allow);
  expect((await allowing.send(url)).content.toString()).toContain('this is /files/a');
}

/** Checks of the page about the guard. */
export const guardChecks: Readonly<Record<string, Check>> = {
  'undici behind the guard connects to public addresses only': (example) =>
    expectGuarded(example, (code) => code.replace('guardedConnect()', `guardedConnect({ ${LOOPBACK} })`)),

  'http.request behind the guard connects to public addresses only': (example) =>
    expectGuarded(example, (code) => code.replace('GuardedAgent({', `GuardedAgent({ ${LOOPBACK},`)),

  'publicOnly judges URLs and addresses': async (example) => {
    const running = await example.run();
    await running.wrote(/^false\n/);
    for (const [url, status] of [
      ['https://8.8.8.8/', 200],
      ['https://a.example/', 200],
      ['https://a.example.com/', 403],
      ['https://127.1/', 403],
      ['file:///etc/passwd', 400],
    ] as const)
      expect((await running.send(`/?url=${encodeURIComponent(url)}`)).head.status).toBe(status);
  },
};
