import { expect } from 'vitest';
import { startDns } from '../../support/dns-server.js';
import { respondWith, startOrigin } from '../../support/raw-origin.js';
import { sized } from '../../support/through.js';
import { until } from '../../support/until.js';
import type { Check, Example, RunningExample } from './example.js';

/** Nothing listens there. */
const REFUSING = 'http://127.0.0.1:1';

/** Puts servers that answer with their names in the places of those of the example. */
async function withServers(
  example: Example,
  use: (running: () => Promise<RunningExample>, targets: readonly string[]) => Promise<void>,
): Promise<void> {
  const names = ['one', 'two', 'three'];
  const targets: string[] = [];
  const origins = await Promise.all(
    names.map((name) =>
      startOrigin(
        respondWith((head) => {
          targets.push(`${name} ${head.target}`);
          return sized(name);
        }),
      ),
    ),
  );
  for (const [index, { url }] of origins.entries())
    example.replacements.set(`http://10.0.0.${index + 1}:${example.origin.port}`, url);
  try {
    await use(() => example.run(), targets);
  } finally {
    await Promise.all(origins.map((origin) => origin.stop()));
  }
}

async function ask(running: RunningExample, count: number): Promise<Set<string>> {
  const names = new Set<string>();
  for (let index = 0; index < count; index += 1) names.add((await running.send('/file')).content.toString());
  return names;
}

/** By what `<!-- test: … -->` above a block says. */
export const balancingChecks: Readonly<Record<string, Check>> = {
  'a group balances, and goes around a server that is down': (example) =>
    withServers(example, async (run) => {
      // Both are idle, and take turns by weight.
      expect(await ask(await run(), 3)).toEqual(new Set(['one', 'two']));
      example.replacements.set(`http://10.0.0.2:${example.origin.port}`, REFUSING);
      expect(await ask(await run(), 4)).toEqual(new Set(['one']));
    }),

  'a group is read and changed while it is used': (example) =>
    withServers(example, async (run) => {
      const running = await run();
      expect(await ask(running, 4)).toEqual(new Set(['one', 'two']));
      running.signal('SIGUSR2');
      await running.wrote(/^http:\/\/127\.0\.0\.1:\d+ up \d$/m);
      expect(await ask(running, 4)).toEqual(new Set(['two']));
    }),

  'a function chooses the server': (example) =>
    withServers(example, async (run) => {
      const running = await run();
      expect(await ask(running, 2)).toEqual(new Set(['one']));
      expect((await running.send('/archive/a')).content.toString()).toBe('two');
    }),

  'a group prefers the servers of its zone': (example) =>
    withServers(example, async (run) => {
      expect(await ask(await run(), 4)).toEqual(new Set(['one']));
      example.replacements.set(`http://10.0.0.1:${example.origin.port}`, REFUSING);
      expect(await ask(await run(), 4)).toEqual(new Set(['two']));
    }),

  'a group checks its servers': (example) =>
    withServers(example, async (run, targets) => {
      await run();
      const isChecked = (name: string): boolean => targets.includes(`${name} /healthz`);
      await until(() => isChecked('one') && isChecked('two'), 'both servers were checked');
    }),

  'each address of a name is a server': async (example) => {
    const dns = await startDns(() => ['127.0.0.1']);
    try {
      example.replacements.set("'10.0.0.53'", `'${dns.address}'`);
      const running = await example.run();
      expect((await running.send('/file')).head.status).toBe(200);
      expect(dns.asked).toContain('A files.example');
    } finally {
      await dns.stop();
    }
  },

  'the program balances several URLs': (example) =>
    withServers(example, async () => {
      // Idle servers are chosen at random.
      const names = await ask(await example.runProgram(), 4);
      expect(['one', 'two']).toEqual(expect.arrayContaining([...names]));
    }),
};
