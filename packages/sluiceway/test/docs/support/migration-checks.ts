import { expect } from 'vitest';
import type { Check } from './example.js';

/** Checks of the examples that take the place of another proxy's. */
export const migrationChecks: Readonly<Record<string, Check>> = {
  /** A language tag of its own: what others would be given is not compiled. */
  'how it was': async ({ block }) => {
    expect(['go', 'javascript']).toContain(block.language);
  },

  "as Go's ReverseProxy": async (example) => {
    const running = await example.run();
    const response = await running.send('/files/a%2Fb?c', { fields: ['Connection: X-Storage-Key'] });
    expect(response.content.toString()).toBe('this is /storage/a%2Fb?c');
    expect(response.head.has('server')).toBe(false);
    expect(example.origin.seen[0]?.fields).toMatchObject({
      'x-storage-key': 'example',
      'x-forwarded-host': 'test',
    });
    expect((await running.send('/filesystem')).head.status).toBe(404);
    await example.origin.stop();
    const failed = await running.send('/files/a');
    expect(failed.head.status).toBe(503);
    expect(failed.content.toString()).toBe('Try again later.\n');
  },

  'as http-proxy': async (example) => {
    const running = await example.run();
    const { head } = await running.send('/moved');
    expect(head.get('location')).toBe('/elsewhere');
    expect(head.get('set-cookie')).toBe('session=1');
    expect(head.has('x-powered-by')).toBe(false);
    const { port } = example.origin;
    expect(example.origin.seen[0]?.fields).toMatchObject({
      host: `127.0.0.1:${port}`,
      'x-storage-key': 'example',
      'x-forwarded-for': '127.0.0.1',
    });
    await example.origin.stop();
    expect((await running.send('/a')).head.status).toBe(502);
  },

  'as http-proxy-middleware': async (example) => {
    const running = await example.run();
    expect((await running.send('/api/old/a')).content.toString()).toBe('this is /new/a');
    expect((await running.send('/api/archive/a')).content.toString()).toBe('this is /cold/archive/a');
    expect((await running.send('/else')).head.status).toBe(404);
    expect(example.origin.seen[0]?.fields).toMatchObject({ 'x-storage-key': 'example' });
    await running.wrote(/ path=\/api\/old\/a status=200 outcome=completed /);
  },

  'with the options of http-proxy-middleware': async (example) => {
    const running = await example.run();
    const response = await running.send('/api/old/a');
    expect(response.content.toString()).toBe('this is /new/a');
    expect(response.head.has('server')).toBe(false);
    expect((await running.send('/api/archive/a')).content.toString()).toBe('this is /cold/archive/a');
    expect((await running.send('/api/old/secret')).head.status).toBe(404);
    const { port } = example.origin;
    expect(example.origin.seen[0]?.fields).toMatchObject({
      host: `127.0.0.1:${port}`,
      'x-storage-key': 'example',
    });
    await running.wrote(/ path=\/api\/old\/a status=200 outcome=completed /);
    await example.origin.stop();
    const failed = await running.send('/api/old/a');
    expect([failed.head.status, failed.content.toString()]).toEqual([503, 'Try again later.\n']);
  },

  'as express-http-proxy': async (example) => {
    const running = await example.run();
    const response = await running.send('/api/a?b');
    expect(response.content.toString()).toBe('this is /v2/a?b');
    expect(response.head.has('server')).toBe(false);
    expect(example.origin.seen[0]?.fields).toMatchObject({ 'x-user': 'ann' });
    expect((await running.send('/api/a', { method: 'POST', content: 'x' })).head.status).toBe(404);
    await example.origin.stop();
    expect((await running.send('/api/a')).head.status).toBe(502);
  },

  'as @fastify/http-proxy': async (example) => {
    const running = await example.run();
    expect((await running.send('/auth/user')).head.status).toBe(401);
    const response = await running.send('/auth/user', { fields: ['Authorization: Bearer x'] });
    expect(response.content.toString()).toBe('this is /signon/user');
    expect(example.origin.seen[0]?.fields['x-request-id']).toMatch(/./);
  },
};
