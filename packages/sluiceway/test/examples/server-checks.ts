import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { freePort, startDaemon } from '../support/daemon.js';
import type { Network } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import type { RequestHead } from '../support/message-head.js';
import { openClient } from '../support/raw-client.js';
import { respondWith } from '../support/raw-origin.js';
import { requireTool } from '../support/requirements.js';
import { sized, toChunk } from '../support/through.js';
import { directoryOf, originOf, runExample } from './run-example.js';

const nginx = requireTool('nginx');

/** Proves what an example says of itself. */
export type Check = (net: Network) => Promise<void>;

/** Of the examples that show more than a framework. */
export const serverChecks: Readonly<Record<string, Check>> = {
  async 'behind-nginx'(net) {
    const { url, heads } = await originOf(net);
    const running = await runExample(net, 'behind-nginx', { ORIGIN: url });
    let { port } = running;
    if (nginx.missing === null) {
      const folder = mkdtempSync(join(tmpdir(), 'sluiceway-example-'));
      net.cleanup(() => rmSync(folder, { recursive: true }));
      const outer = await freePort();
      const written = readFileSync(join(directoryOf('behind-nginx'), 'nginx.conf'), 'utf8')
        .replace('127.0.0.1:8080', `127.0.0.1:${port}`)
        .replace('127.0.0.1:8000', `127.0.0.1:${outer}`)
        .replace(/pid .*;/, `pid ${folder}/pid;`);
      writeFileSync(join(folder, 'nginx.conf'), written);
      await startDaemon(net, nginx, ['-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')], outer);
      port = outer;
    }
    const client = await openClient(port);
    net.cleanup(() => client.close());
    await client.get('/a%20b', ['X-Forwarded-For: 192.0.2.7']);
    const { head, content } = await client.readResponse();
    expect([head.status, content.toString()]).toEqual([200, '/a%20b']);
    // What the client itself claims stands left of what nginx has seen, and is no more believed than that.
    if (nginx.missing === null)
      expect(heads[0]?.get('x-forwarded-for')).toBe('192.0.2.7, 127.0.0.1, 127.0.0.1');
    expect(heads[0]?.get('x-client')).toBe('192.0.2.7');
  },

  async 'protected-downloads'(net) {
    const { url } = await originOf(net);
    const running = await runExample(net, 'protected-downloads', { FILES: url });
    expect((await running.send('/reports/a.pdf')).head.status).toBe(401);
    const form = ['Content-Type: application/x-www-form-urlencoded'];
    const post = { method: 'POST', fields: form };
    expect((await running.send('/login', { ...post, content: 'password=x' })).head.status).toBe(401);
    const login = await running.send('/login', { ...post, content: 'password=open-sesame' });
    const cookie = login.head.get('set-cookie')?.split(';', 1)[0] ?? '';
    const { head } = await running.send('/reports/a%20b.pdf', { fields: [`Cookie: ${cookie}`] });
    const link = head.get('location') ?? '';
    expect(head.status).toBe(302);
    expect(link).not.toContain('127.0.0.1');
    const file = await running.send(link);
    expect([file.head.status, file.content.toString()]).toEqual([200, '/a%20b.pdf']);
    expect(file.head.get('content-disposition')).toContain('a b.pdf');
    expect(
      (await running.send(link.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')))).head.status,
    ).not.toBe(200);
  },

  async 'upload-pass-through'(net) {
    const uploads: [RequestHead, Buffer][] = [];
    const origin = await net.origin(
      respondWith((head, content) => {
        uploads.push([head, content]);
        return sized('', [], 'HTTP/1.1 201 Created');
      }),
    );
    const running = await runExample(net, 'upload-pass-through', { ORIGIN: origin.url });
    const upload = { method: 'PUT', content: 'the bytes' };
    const fields = ['Authorization: Bearer a-token-of-32-characters-or-more'];
    expect((await running.send('/uploads/a.bin', upload)).head.status).toBe(401);
    expect((await running.send('/uploads/a.bin', { fields })).head.status).toBe(405);
    expect((await running.send('/uploads/a.bin', { ...upload, fields })).head.status).toBe(201);
    expect(
      uploads.map(([head, content]) => [head.target, head.get('authorization'), content.toString()]),
    ).toEqual([['/incoming/a.bin', undefined, 'the bytes']]);
    const client = await openClient(running.port);
    await client.send(
      `PUT /uploads/large HTTP/1.1\r\nHost: test\r\n${fields.join()}\r\nContent-Length: 6000000000\r\n\r\n`,
    );
    expect((await client.readResponse()).head.status).toBe(413);
    client.close();
  },

  async 'server-sent-events'(net) {
    const first = new Gate();
    const origin = await net.origin(async (connection) => {
      await connection.readHead();
      await connection.write(
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\n\r\n',
      );
      await connection.write(toChunk('data: 1\n\n'));
      await first.opened;
      await connection.write(`${toChunk('data: 2\n\n').toString()}0\r\n\r\n`);
    });
    const running = await runExample(net, 'server-sent-events', { ORIGIN: origin.url });
    expect((await running.send('/')).content.toString()).toContain("new EventSource('/events')");
    const client = await openClient(running.port);
    net.cleanup(() => client.close());
    await client.get('/events', ['Accept-Encoding: gzip']);
    const parts: string[] = [];
    await client.readContent(await client.readHead(), {
      onContent: (bytes) => {
        parts.push(bytes.toString());
        first.open();
      },
    });
    expect(parts).toEqual(['data: 1\n\n', 'data: 2\n\n']);
  },
};
