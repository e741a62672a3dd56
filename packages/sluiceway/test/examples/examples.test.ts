import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect } from 'vitest';
import { presign } from '../../../../examples/s3-presigned-urls/presign.js';
import { test } from '../support/fixture.js';
import type { RequestHead } from '../support/message-head.js';
import { respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';
import { hostChecks } from './host-checks.js';
import { directoryOf, examplesRoot, originOf, runExample } from './run-example.js';
import { type Check, serverChecks } from './server-checks.js';

const KEY = ['X-Api-Key: let-me-in'];

/** What each example shows, by its folder. */
const checks: Readonly<Record<string, Check>> = {
  ...hostChecks,
  ...serverChecks,

  express: withKey('express'),
  koa: withKey('koa'),

  async fastify(net) {
    const { url, heads } = await originOf(net);
    const running = await runExample(net, 'fastify', { ORIGIN: url });
    expect((await running.send('/files/a')).head.status).toBe(401);
    expect(heads).toEqual([]);
    expect((await running.send('/files/a?b', { fields: KEY })).content.toString()).toBe('/a?b');
    expect((await running.send('/logo')).content.toString()).toBe('/static/logo.png');
  },

  async nest(net) {
    const { url } = await originOf(net);
    const directory = directoryOf('nest');
    // Beside the sources, so that what is imported is found.
    const built = mkdtempSync(join(directory, 'dist-'));
    net.cleanup(() => rmSync(built, { recursive: true, force: true }));
    const tsc = join(createRequire(import.meta.url).resolve('typescript/package.json'), '../bin/tsc');
    const compiled = spawnSync(process.execPath, [tsc, '--outDir', built], {
      cwd: directory,
      encoding: 'utf8',
    });
    expect(compiled.stdout).toBe('');
    const running = await runExample(net, 'nest', { ORIGIN: url }, join(built, 'main.js'));
    expect((await running.send('/files/a?b', { method: 'POST', content: '{}' })).content.toString()).toBe(
      '/a?b',
    );
    expect((await running.send('/reports/latest')).head.status).toBe(403);
    const report = await running.send('/reports/latest', { fields: KEY });
    expect(report.content.toString()).toBe('/static/logo.png');
  },

  async 's3-presigned-urls'(net) {
    const asked: RequestHead[] = [];
    const bucket = await net.origin(
      respondWith((head) => {
        asked.push(head);
        return sized('%PDF', ['Content-Range: bytes 0-3/9', 'ETag: "v1"'], 'HTTP/1.1 206 Partial Content');
      }),
    );
    const running = await runExample(net, 's3-presigned-urls', {
      S3_ENDPOINT: bucket.url,
      S3_KEY_ID: 'AKIDEXAMPLE',
      S3_SECRET: 'a-secret',
    });
    const { head, content } = await running.send('/documents/1', {
      fields: ['Range: bytes=0-3', 'Cookie: a=1'],
    });
    expect([head.status, content.toString()]).toEqual([206, '%PDF']);
    expect(head.get('content-disposition')).toBe('attachment; filename="annual-report.pdf"');
    expect(head.raw).not.toMatch(/amz|AKID/i);
    const [seen] = asked;
    expect(seen?.target).toMatch(
      /^\/reports\/2026\/annual%20report\.pdf\?X-Amz-Algorithm=.*&X-Amz-Signature=[0-9a-f]{64}$/,
    );
    expect([seen?.get('range'), seen?.get('cookie')]).toEqual(['bytes=0-3', undefined]);
    expect((await running.send('/documents/2')).head.status).toBe(404);
  },

  async video(net) {
    const origin = await net.origin(
      respondWith(({ target }) =>
        sized(target, ['Content-Range: bytes 100-109/1000'], 'HTTP/1.1 206 Partial Content'),
      ),
    );
    const running = await runExample(net, 'video', { ORIGIN: origin.url });
    expect((await running.send('/')).content.toString()).toContain('src="/videos/clip.webm"');
    const { head, content } = await running.send('/videos/clip.webm', { fields: ['Range: bytes=100-109'] });
    expect([head.status, head.get('content-range')]).toEqual([206, 'bytes 100-109/1000']);
    expect(content.toString()).toBe('/clip.webm');
  },
};

/** A proxy below /files for whoever has a key, and a file for everybody. */
function withKey(name: string): Check {
  return async (net) => {
    const { url, heads } = await originOf(net);
    const running = await runExample(net, name, { ORIGIN: url });
    expect((await running.send('/files/a')).head.status).toBe(401);
    expect(heads).toEqual([]);
    expect((await running.send('/files/a?b', { fields: KEY })).content.toString()).toBe('/a?b');
    const upload = { method: 'POST', fields: [...KEY, 'Content-Type: application/json'], content: '{}' };
    expect((await running.send('/files/up', upload)).content.toString()).toBe('/up');
    expect((await running.send('/logo')).content.toString()).toBe('/static/logo.png');
  };
}

test('every example has its check, and says how it is started', () => {
  const folders = readdirSync(examplesRoot, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const names = folders.map(({ name }) => name);
  expect(names.toSorted()).toEqual(Object.keys(checks).toSorted());
  for (const name of names)
    for (const file of ['README.md', 'package.json'])
      expect(existsSync(join(directoryOf(name), file)), `examples/${name}/${file}`).toBe(true);
});

test.for(Object.entries(checks))('examples/%s does what it says', ([, check], { net }) => check(net));

test('the presigned URL of an example is that of the documentation of AWS for the same object', () => {
  const bucket = {
    endpoint: 'https://examplebucket.s3.amazonaws.com',
    bucketPath: '',
    region: 'us-east-1',
    keyId: 'AKIAIOSFODNN7EXAMPLE',
    secret: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  };
  const url = presign(bucket, 'test.txt', { seconds: 86_400, now: new Date('2013-05-24T00:00:00Z') });
  expect(new URL(url).searchParams.get('X-Amz-Signature')).toBe(
    'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
  );
});
