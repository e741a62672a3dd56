import { gunzipSync } from 'node:zlib';
import { expect } from 'vitest';
import { servingFiles, sumLine } from '../../support/checksum-files.js';
import { startServer } from '../../support/servers.js';
import type { Check } from './example.js';
import { largeContent } from './origin.js';

/** Checks of the examples with hooks and observers. */
export const hookChecks: Readonly<Record<string, Check>> = {
  'onRequest answers': async (example) => {
    const running = await example.run();
    expect((await running.send('/healthz')).content.toString()).toBe('ok\n');
    const gone = await running.send('/old/a');
    expect([gone.head.status, gone.head.get('cache-control')]).toEqual([410, 'max-age=3600']);
    expect(example.origin.seen).toEqual([]);
    expect((await running.send('/a')).content.toString()).toBe('this is /a');
  },

  'onRequest chooses the upstream': async (example) => {
    const running = await example.run();
    expect((await running.send('/videos/a?b=1')).content.toString()).toBe('this is /media/videos/a?b=1');
    expect((await running.send('/archive/a?b=1')).content.toString()).toBe(
      'this is /cold/archive/a?tier=2&b=1',
    );
    expect((await running.send('/else')).head.status).toBe(404);
    expect((await running.send('/videos/../../a')).head.status).toBe(400);
    expect(example.origin.seen).toHaveLength(2);
  },

  'onUpstreamRequest adds a field that no client can remove': async (example) => {
    const running = await example.run();
    const fields = ['Connection: X-Storage-Key, X-Request-Id', 'X-Storage-Key: of the client', 'Cookie: a=1'];
    await running.send('/a', { fields });
    const seen = example.origin.seen[0]?.fields;
    expect(seen).toMatchObject({ 'x-storage-key': 'example' });
    expect(seen?.['x-request-id']).toMatch(/./);
    expect(seen).not.toHaveProperty('cookie');
  },

  'onUpstreamRequest rewrites the target': async (example) => {
    const running = await example.run();
    expect((await running.send('/downloads/a?b=1')).content.toString()).toBe('this is /v2/files/a?b=1');
    expect((await running.send('/a')).content.toString()).toBe('this is /a');
  },

  'onUpstreamResponse changes the head and the file passes unchanged': async (example) => {
    const running = await example.run();
    const file = await running.send('/large');
    expect(file.content.equals(largeContent)).toBe(true);
    expect(file.head.get('etag')).toBe('"large"');
    for (const name of ['server', 'x-powered-by', 'content-disposition'])
      expect(file.head.has(name)).toBe(false);
    expect((await running.send('/a.pdf')).head.get('content-disposition')).toBe('attachment');
  },

  'onUpstreamResponse replaces the content': async (example) => {
    const running = await example.run();
    const missing = await running.send('/missing');
    expect(missing.head.status).toBe(404);
    expect(missing.head.get('content-type')).toBe('text/html; charset=utf-8');
    expect(missing.head.has('etag')).toBe(false);
    expect(missing.content.toString()).toBe('<h1>There is no such file.</h1>\n');
    expect((await running.send('/a')).content.toString()).toBe('this is /a');
  },

  'onUpstreamResponse refuses a response': async (example) => {
    const running = await example.run();
    const refused = await running.send('/page');
    expect(refused.head.status).toBe(403);
    expect(JSON.parse(refused.content.toString())).toMatchObject({ detail: 'This is not a file.' });
    expect((await running.send('/a')).content.toString()).toBe('this is /a');
  },

  'a file passes that has the digest which is expected': async (example) => {
    const running = await example.run();
    const right = await running.send('/tool-1.2.tar.gz', { fields: ['Range: bytes=5-'] });
    expect([right.head.status, right.complete]).toEqual([200, true]);
    expect(right.content.toString()).toBe('this is /releases/tool-1.2.tar.gz');
    expect((await running.send('/tool-1.1.tar.gz')).complete).toBe(false);
    expect((await running.send('/tool-1.0.tar.gz')).head.status).toBe(404);
  },

  'a file passes that has the digest of its checksum file': async (example) => {
    const files = await startServer(
      servingFiles({
        '/right': 'a',
        '/wrong': 'b',
        '/SHA256SUMS': sumLine('a', 'right') + sumLine('a', 'wrong'),
      }),
    );
    example.replacements.set('https://files.example.com', `http://127.0.0.1:${files.port}`);
    try {
      const running = await example.run();
      expect((await running.send('/right')).complete).toBe(true);
      expect((await running.send('/wrong')).complete).toBe(false);
    } finally {
      await files.stop();
    }
  },

  'a transform compresses on the way': async (example) => {
    const running = await example.run();
    const accepting = { fields: ['Accept-Encoding: br, gzip', 'Range: bytes=0-'] };
    const compressed = await running.send('/a.json', accepting);
    expect(compressed.head.status).toBe(200);
    expect(compressed.head.get('content-encoding')).toBe('gzip');
    expect(compressed.head.get('vary')).toBe('Accept-Encoding');
    expect(compressed.head.has('content-length')).toBe(false);
    expect(gunzipSync(compressed.content).toString()).toBe('this is /a.json');
    expect((await running.send('/a.json')).content.toString()).toBe('this is /a.json');
    expect((await running.send('/a', accepting)).content.toString()).toBe('this is /a');
    expect(example.origin.seen.map(({ fields }) => [fields['accept-encoding'], fields.range])).toEqual([
      ['identity', undefined],
      [undefined, undefined],
      ['br, gzip', 'bytes=0-'],
    ]);
  },

  'a transform slows down': async (example) => {
    const running = await example.run();
    const file = await running.send('/large');
    expect(file.content.equals(largeContent)).toBe(true);
    expect(file.head.get('etag')).toBe('"large"');
    expect(file.head.contentLength).toBe(largeContent.length);
    const range = await running.send('/large', { fields: ['Range: bytes=10-19'] });
    expect(range.head.status).toBe(206);
    const client = await running.connect();
    await client.get('/large');
    await client.readHead();
    client.close();
    expect((await running.send('/large')).complete).toBe(true);
  },

  'a transform inspects and refuses': async (example) => {
    const running = await example.run();
    expect((await running.send('/large')).content.equals(largeContent)).toBe(true);
    const refused = await running.send('/malware');
    expect(refused).toMatchObject({ complete: false, head: { status: 200 } });
    expect(refused.content.toString()).not.toContain('malware');
  },

  'a transform refuses an upload': async (example) => {
    const running = await example.run();
    const clean = await running.send('/a', { method: 'PUT', content: 'four' });
    expect(clean.content.toString()).toBe('got 4 bytes');
    const refused = await running.send('/a', { method: 'PUT', content: 'here is malware' });
    expect(refused.head.status).toBe(422);
    expect(refused.content.toString()).toContain('The file is infected.');
  },

  'onError answers a failure': async (example) => {
    const running = await example.run();
    expect((await running.send('/a')).head.status).toBe(200);
    await example.origin.stop();
    const failed = await running.send('/a');
    expect(failed.head.status).toBe(502);
    expect(failed.head.get('retry-after')).toBe('30');
    expect(failed.content.toString()).toContain('(connection_refused)');
    const refused = await running.send('/', { method: 'TRACE' });
    expect(refused.head.get('content-type')).toBe('application/problem+json');
  },

  'an observer writes a log': async (example) => {
    const running = await example.run();
    await running.send('/a');
    expect((await running.send('/cut')).complete).toBe(false);
    await running.wrote(/^\{.*"path":"\/cut".*"outcome":"upstream_truncated".*\}$/m);
    expect(running.output).not.toContain('completed');
  },

  'an observer compares digests': async (example) => {
    const running = await example.run();
    expect((await running.send('/large')).content.equals(largeContent)).toBe(true);
    await running.wrote(/^\/large: completed, SHA-256 as announced$/m);
    await running.send('/a');
    await running.send('/large', { fields: ['Range: bytes=10-19'] });
    expect((await running.send('/large', { method: 'HEAD' })).head.has('repr-digest')).toBe(true);
    expect(running.output.match(/SHA-256/g)).toHaveLength(1);
  },

  'an observer watches what runs': async (example) => {
    const running = await example.run();
    const client = await running.connect();
    await client.get('/slow');
    await client.readHead();
    expect((await running.send('/running')).content.toString()).toMatch(/^\/slow \d+$/m);
    example.origin.release();
    client.close();
  },

  'a watcher ends what the client does not read': async (example) => {
    const running = await example.run();
    const client = await running.connect();
    await client.get('/slow');
    expect((await client.readResponse()).complete).toBe(false);
    await running.wrote(/\/slow: \d+ bytes, \d+ B\/s, waits for/);
    await running.wrote(/\/slow: shutdown/);
    example.origin.release();
  },
};
