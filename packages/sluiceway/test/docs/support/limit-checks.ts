import { expect } from 'vitest';
import type { Check, RunningExample } from './example.js';

/** The status of one more request while four transfers of the same client run. */
async function fifthStatus(running: RunningExample): Promise<number> {
  const clients = await Promise.all(Array.from({ length: 4 }, () => running.connect()));
  for (const client of clients) {
    await client.get('/slow');
    expect((await client.readHead()).status).toBe(200);
  }
  const { head } = await running.send('/a');
  for (const client of clients) client.close();
  return head.status;
}

/** By what `<!-- test: … -->` above a block says. */
export const limitChecks: Readonly<Record<string, Check>> = {
  'limits by rules': async (example) => {
    const running = await example.run();
    expect((await running.send('/a')).head.status).toBe(200);
    expect(await fifthStatus(running)).toBe(429);
  },

  'limits by flags': async (example) => {
    expect(await fifthStatus(await example.runProgram())).toBe(429);
  },

  'limits are read': async (example) => {
    const running = await example.runAsProcess();
    await running.send('/a');
    running.signal('SIGUSR2');
    await running.wrote(/rule: 'client'[^]*requests: 1/);
    expect((await running.send('/a')).head.status).toBe(403);
  },
};
