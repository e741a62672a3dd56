import { expect } from 'vitest';
import type { Check } from './example.js';
import { largeContent } from './origin.js';

/** What the examples of every framework show. */
const inFramework: Check = async (example) => {
  const running = await example.run();
  const { origin } = example;
  const file = await running.send('/files/large');
  expect(file.content.equals(largeContent)).toBe(true);
  expect(origin.seen.at(-1)?.url).toBe('/large');
  expect(origin.seen.at(-1)?.fields['x-user']).toBe('ann');
  const logo = await running.send('/logo');
  expect(logo.content.toString()).toBe('this is /static/logo.png');
  const uploaded = await running.send('/files/up', { method: 'POST', content: 'hello' });
  expect(uploaded.content.toString()).toBe('got 5 bytes');
  await origin.stop();
  const refused = await running.send('/files/a');
  expect(refused.head.status).toBe(502);
  expect(JSON.parse(refused.content.toString())).toEqual({
    error: 'The origin server refused the connection.',
  });
};

export const frameworkChecks: Readonly<Record<string, Check>> = {
  'in Express': inFramework,
  'in Fastify': inFramework,
  'in Koa': inFramework,
  'in Hono': inFramework,
  'in a host of fetch': async (example) => {
    const running = await example.run();
    const file = await running.send('/large');
    expect(file.content.equals(largeContent)).toBe(true);
    expect(file.head.contentLength).toBe(largeContent.length);
    const uploaded = await running.send('/up', { method: 'POST', content: 'hello' });
    expect(uploaded.content.toString()).toBe('got 5 bytes');
    await example.origin.stop();
    expect((await running.send('/a')).head.status).toBe(502);
  },
};
