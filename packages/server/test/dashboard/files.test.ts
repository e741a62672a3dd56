import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { type Network, test } from '../../../sluiceway/test/support/fixture.js';
import { scratchFolder } from '../../../sluiceway/test/support/tool.js';
import { type Program, sluicewayServe } from '../support/program.js';

const anyPort = '127.0.0.1:0';
const config = (admin: unknown = { address: anyPort }) => ({
  listeners: [{ address: anyPort }],
  admin,
  routes: [{ respond: { content: 'public' } }],
});

const adminPort = async (program: Program): Promise<number> =>
  Number((await program.match('stdout', /admin listener on http:\/\/\S+:(\d+)\n/))[1]);

async function get(net: Network, port: number, path: string, lines: readonly string[] = []) {
  const client = await net.client(port);
  const fields = ['Host: localhost', ...lines].map((line) => `${line}\r\n`).join('');
  await client.send(`GET ${path} HTTP/1.1\r\n${fields}\r\n`);
  const response = await client.readResponse();
  client.close();
  return response;
}

describe('the files of the dashboard', () => {
  test('are each of the right type, and less than 300 kB together [Sluiceway]', async ({ net }) => {
    const port = await adminPort(await sluicewayServe(net, config()));
    const page = await get(net, port, '/');
    expect(page.head.get('content-type')).toBe('text/html; charset=utf-8');
    const html = page.content.toString();
    const paths = [...html.matchAll(/(?:href|src)="(\/[^"]+)"/g)].map(([, path = '']) => path);
    const assets = [...new Set(paths)].filter((path) => path.startsWith('/assets/'));
    expect(assets).toContain('/assets/main.js');
    let bytes = page.content.length;
    for (const path of assets) {
      const { head, content } = await get(net, port, path);
      const type = { css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml' }[
        path.split('.').at(-1) ?? ''
      ];
      expect([path, head.status, head.get('content-type')?.split(';')[0]]).toEqual([path, 200, type]);
      bytes += content.length;
    }
    expect(bytes).toBeLessThan(300_000);
  });

  test('allow no inline script, no eval and no other origin [W3C CSP3; W3C Trusted Types]', async ({
    net,
  }) => {
    const port = await adminPort(await sluicewayServe(net, config()));
    const { head, content } = await get(net, port, '/');
    const policy = head.get('content-security-policy') ?? '';
    const directives = policy.split('; ');
    expect(directives).toContain("default-src 'none'");
    expect(directives).toContain("script-src 'self'");
    expect(directives).toContain("frame-ancestors 'none'");
    expect(directives).toContain("require-trusted-types-for 'script'");
    expect(policy).not.toContain('unsafe');
    expect(content.toString()).not.toMatch(/<script(?![^>]* src=)|<style| style=| on\w+=/);
    expect(head.get('x-content-type-options')).toBe('nosniff');
  });

  test('are revalidated, in each content coding [RFC 9110 8.8.3; RFC 9110 13.1.2]', async ({ net }) => {
    const port = await adminPort(await sluicewayServe(net, config()));
    const plain = await get(net, port, '/assets/main.js');
    const gzip = await get(net, port, '/assets/main.js', ['Accept-Encoding: br, gzip']);
    expect(gzip.head.get('content-encoding')).toBe('gzip');
    expect(gunzipSync(gzip.content)).toEqual(plain.content);
    expect(gzip.head.get('etag')).not.toBe(plain.head.get('etag'));
    for (const { head } of [plain, gzip]) {
      expect([head.get('cache-control'), head.get('vary')]).toEqual(['no-cache', 'Accept-Encoding']);
      const lines = [`If-None-Match: "x", ${head.get('etag')}`];
      if (head.has('content-encoding')) lines.push('Accept-Encoding: gzip');
      const again = await get(net, port, '/assets/main.js', lines);
      expect([again.head.status, again.content.length]).toEqual([304, 0]);
    }
    expect((await get(net, port, '/assets/main.js', ['If-None-Match: "x"'])).head.status).toBe(200);
  });

  test('include the page that explains each failure, for machines without internet [Sluiceway]', async ({
    net,
  }) => {
    const port = await adminPort(await sluicewayServe(net, config()));
    const { head, content } = await get(net, port, '/docs/outcomes.md');
    expect([head.status, head.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    const html = content.toString();
    for (const code of ['connection_refused', 'http_response_incomplete', 'aborted_by_operator'])
      expect(html).toContain(`<tr id="${code}">`);
    expect(html).not.toMatch(/<script(?![^>]* src=)|<style| style=/);
  });

  test('are nothing else than the files of the dashboard [CWE-22]', async ({ net }) => {
    const program = await sluicewayServe(net, config());
    const port = await adminPort(program);
    for (const path of ['/assets/', '/assets/none.js', '/assets/..%2Fpackage.json', '/assets/main.d.ts'])
      expect([path, (await get(net, port, path)).head.status]).toEqual([path, 404]);
    expect((await get(net, program.port, '/')).content.toString()).toBe('public');
  });

  test('are for clients that lack only a bearer token, since the page asks for it; data are not [RFC 6750 3]', async ({
    net,
  }) => {
    const folder = scratchFolder(net);
    writeFileSync(join(folder, 'tokens'), 'a-token-of-24-characters', { mode: 0o600 });
    const bearer = { bearer: { tokens: { file: 'tokens' } } };
    const statuses = async (access: unknown) => {
      const port = await adminPort(
        await sluicewayServe(net, config({ address: anyPort, access }), { folder }),
      );
      const paths = ['/', '/assets/main.js', '/api/config', '/healthz'];
      return Promise.all(paths.map(async (path) => (await get(net, port, path)).head.status));
    };
    expect(await statuses(bearer)).toEqual([200, 200, 401, 401]);
    const hash = '$scrypt$ln=14,r=8,p=1$c2x1aWNld2F5LWRlbW8$pLfHPA5+8YBBwcCizEsQJRMi3PzWNjsmyRzeuLX/y3I';
    expect(await statuses({ basic: { users: { demo: hash } } })).toEqual([401, 401, 401, 401]);
    expect(await statuses({ addresses: { allow: ['192.0.2.0/24'] } })).toEqual([403, 403, 403, 403]);
  });
});
