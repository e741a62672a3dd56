import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { expect } from 'vitest';
import { makeAuthority, makeCertificate } from '../../support/certificates.js';
import { openHttp2 } from '../../support/http2-client.js';
import { until } from '../../support/until.js';
import { accessChecks } from './access-checks.js';
import { adminChecks } from './admin-checks.js';
import { balancingChecks } from './balancing-checks.js';
import { clientChecks } from './client-checks.js';
import { egressChecks } from './egress-checks.js';
import { type Check, commandsOf, type Example, type RunningExample } from './example.js';
import { frameworkChecks } from './framework-checks.js';
import { gatewayChecks } from './gateway-checks.js';
import { guardChecks } from './guard-checks.js';
import { headerChecks } from './header-checks.js';
import { hookChecks } from './hook-checks.js';
import { limitChecks } from './limit-checks.js';
import { repositoryRoot } from './markdown.js';
import { migrationChecks } from './migration-checks.js';
import { largeContent, slowContent, startExampleOrigin } from './origin.js';
import { resumeChecks } from './resume-checks.js';
import { serverChecks } from './server-checks.js';
import { signingChecks } from './signing-checks.js';
import { terminalChecks } from './terminal-checks.js';

/** By what `<!-- test: … -->` above a block says. */
export const checks: Readonly<Record<string, Check>> = {
  ...clientChecks,
  ...balancingChecks,
  ...terminalChecks,
  ...limitChecks,

  'npm scripts': async ({ block }) => {
    const { scripts } = readJson('package.json') as { scripts: Record<string, string> };
    for (const [npm, script = ''] of commandsOf(block)) {
      expect(npm).toBe('npm');
      expect(Object.keys(scripts)).toContain(script);
    }
  },

  packs: async ({ block }) => {
    const { name, version } = readJson('packages/sluiceway/package.json') as Record<string, string>;
    expect(commandsOf(block)).toEqual([
      ['npm', 'pack', '--workspace', name],
      ['npm', 'install', `./${name}-${version}.tgz`],
    ]);
  },

  /** Types are compiled in `examples-compile.test.ts`. */
  compiles: async ({ block }) => {
    expect(block.language).toBe('ts');
  },

  'forwards to the origin server': async (example) => {
    await expectForwards(await example.run(), example);
  },

  'forwards to the origin server and logs the transfer': async (example) => {
    const running = await example.run();
    await expectForwards(running, example);
    await running.wrote(/method=GET path=\/files\/a\?… status=200 outcome=completed bytesDown=\d+ /);
  },

  'a streamer refuses an address that is not public, and relays one that may be reached': async (example) => {
    example.replacements.set('https://files.example.com', `http://127.0.0.1:${example.origin.port}`);
    const refused = await (await example.run()).send('/');
    expect(refused.head.status).toBe(403);
    expect(refused.head.get('proxy-status')).toContain('destination_ip_prohibited');
    expect(example.origin.seen).toEqual([]);

    const relaying = await example.run((code) =>
      code.replace('createStreamer()', "createStreamer({ addresses: 'any' })"),
    );
    const response = await relaying.send('/', {
      fields: ['Cookie: a=1', 'Authorization: b', 'Accept: video/mp4'],
    });
    expect(response.content.toString()).toBe('this is /videos/holiday.mp4');
    expect(response.head.has('set-cookie')).toBe(false);
    expect(response.head.get('content-security-policy')).toBe('sandbox');
    const fields = example.origin.seen[0]?.fields ?? {};
    expect(Object.keys(fields).toSorted()).toEqual(['accept', 'host']);
  },

  'a streamer with options of its own': async (example) => {
    const running = await example.run();
    const response = await running.send('/a?b=c', { method: 'PUT', content: 'four' });
    expect(response.content.toString()).toBe('got 4 bytes');
    expect(example.origin.seen).toMatchObject([{ method: 'PUT', url: '/storage/a?b=c' }]);
  },

  'createProxy takes options of every group': async (example) => {
    const running = await example.run();
    await running.send('/a', { fields: ['X-Forwarded-For: 192.0.2.1'] });
    expect(example.origin.seen).toMatchObject([
      { url: '/files/a', fields: { via: '1.1 edge-1', 'x-forwarded-for': '192.0.2.1, 127.0.0.1' } },
    ]);
  },

  'the program forwards to the origin server': async (example) => {
    const running = await example.runProgram();
    await expectForwards(running, example);
    await running.wrote(/listening on http:.*outcome=completed/s);
  },

  'the echo origin of the doctor answers': async (example) => {
    const running = await example.runProgram();
    const hello = await running.send('/any/path/sluiceway-doctor/a/hello');
    expect(hello.content.toString()).toContain('sluiceway-doctor/');
    await running.wrote(/echo origin listening on http:/);
  },

  'the program serves HTTPS and logs JSON': async (example) => {
    const ca = await writeCertificates(example);
    const running = await example.runProgram();
    expect((await running.send('/a', { ca })).content.toString()).toBe('this is /a');
    await running.wrote(/^\{"time":.*"outcome":"completed"/m);
  },

  'the program serves HTTPS and trusts a private authority': async (example) => {
    await expectSecure(example, () => example.runProgram());
  },

  'serves HTTPS and trusts a private authority': async (example) => {
    await expectSecure(example, () => example.run());
  },

  'serves HTTP/2 and HTTP/1.1 on one port': async (example) => {
    const { cert, key, ca } = await makeCertificate(['localhost']);
    example.write('chain.pem', cert);
    example.write('key.pem', key);
    const running = await example.run();
    const http1 = await running.connect(ca);
    await http1.get('/files/a');
    expect((await http1.readResponse()).content.toString()).toBe('this is /files/a');
    http1.close();
    const session = await openHttp2(running.port, { ca });
    expect((await session.get('/files/b')).content.toString()).toBe('this is /files/b');
    session.close();
  },

  'several proxies on one server': async (example) => {
    const running = await example.run();
    const paths = ['/files/a%2Fb', '/files', '/filesystem', '/%66iles/a', '/'];
    for (const path of paths) await running.send(path);
    expect(example.origin.seen.map(({ url }) => url)).toEqual([
      '/storage/a%2Fb',
      '/storage',
      '/filesystem',
      '/%66iles/a',
      '/',
    ]);
  },

  'a line of the log': async ({ block }) => {
    const shown = block.text.trim().split(' ');
    const { formatTransferText } = await import('../../../src/index.js');
    const values = Object.fromEntries(shown.map((pair) => pair.split('=', 2) as [string, string]));
    const { route = '', ...record } = values;
    const given = record as unknown as Parameters<typeof formatTransferText>[0];
    const line = formatTransferText({ ...given, error: null, errorMessage: null }, { route });
    expect(line.split(' ')).toEqual(shown);
  },

  'the default answer to a failure': async ({ block }) => {
    const { SluicewayError } = await import('../../../src/errors.js');
    const { draftErrorAnswer } = await import('../../../src/proxy/response/answer.js');
    const answer = draftErrorAnswer(new SluicewayError('connection_refused', 'internal'), 'us', '');
    expect(JSON.parse(block.text)).toEqual(JSON.parse(answer.content as string));
  },

  'errors are thrown to the caller': async (example) => {
    const running = await example.run();
    expect((await running.send('/a')).head.status).toBe(200);
    await example.origin.stop();
    const response = await running.send('/a');
    expect(response.head.status).toBe(502);
    expect(response.head.get('content-type')).toBe('text/plain');
    expect(response.content.toString()).toBe('The origin server refused the connection.');
  },

  'a handler serves some paths itself': async (example) => {
    const running = await example.run();
    expect((await running.send('/about')).content.toString()).toBe('A page of my own.\n');
    expect(example.origin.seen).toEqual([]);
    expect((await running.send('/large')).content.equals(largeContent)).toBe(true);
    await running.wrote(/^\/large was delivered$/m);
    expect((await running.send('/cut')).complete).toBe(false);
    const client = await running.connect();
    await client.get('/a', ['Connection: Upgrade', 'Upgrade: websocket']);
    expect((await client.readResponse()).content.toString()).toBe('this is /a');
    client.close();
    expect(running.output).not.toContain('/cut');
  },

  'works behind middleware of the Express kind': async (example) => {
    const running = await example.run();
    const logo = await running.send('/logo');
    expect(logo.content.toString()).toBe('this is /static/logo.png');
    expect(logo.head.get('x-frame-options')).toBe('DENY');
    const file = await running.send('/large');
    expect(file.content.equals(largeContent)).toBe(true);
    expect(file.head.get('x-frame-options')).toBe('DENY');
    expect(file.head.get('etag')).toBe('"large"');
  },

  'middleware that wraps write gets every byte': async (example) => {
    const running = await example.run();
    expect((await running.send('/large')).content.equals(largeContent)).toBe(true);
    await running.wrote(/^[1-9]\d* chunks$/m);
  },

  'the origin server decides about 100 Continue': async (example) => {
    example.origin.server.on('checkContinue', (request, response) => {
      if (request.url === '/forbidden') response.writeHead(403).end();
      else {
        response.writeContinue();
        example.origin.server.emit('request', request, response);
      }
    });
    const running = await example.run();
    const client = await running.connect();
    const head = (path: string) =>
      client.send(`PUT ${path} HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n`);
    await head('/a');
    expect((await client.readHead()).status).toBe(100);
    await client.send('four');
    expect((await client.readResponse()).content.toString()).toBe('got 4 bytes');
    await head('/forbidden');
    const refused = await client.readResponse();
    expect(refused.head.status).toBe(403);
    expect(refused.interim).toEqual([]);
    client.close();
  },

  'SIGTERM lets a running transfer end': async (example) => {
    const running = await example.runAsProcess();
    const client = await running.connect();
    await client.get('/slow');
    await running.until(() => example.origin.seen.length === 1, 'the transfer ran');
    running.signal('SIGTERM');
    await until(async () => {
      const late = await running.connect().catch(() => null);
      late?.close();
      return late === null;
    }, 'no connection was accepted');
    expect(running.exitCode).toBe(null);
    example.origin.release();
    const response = await client.readResponse();
    expect(response.complete).toBe(true);
    expect(response.content.equals(slowContent)).toBe(true);
    expect(await running.exited).toBe(0);
    client.close();
  },

  "a transport of one's own reaches a Unix socket": async (example) => {
    const path = join(example.project, 'storage.sock');
    example.replacements.set('/run/storage.sock', path);
    const server = createServer((request, response) => {
      example.origin.server.emit('request', request, response);
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    try {
      const running = await example.run();
      await expectForwards(running, example);
      expect((await running.send('/missing', { method: 'HEAD' })).head.status).toBe(404);
      const cut = await running.send('/cut');
      expect(cut).toMatchObject({ complete: false });
      expect(cut.content.toString()).toBe('only this');
      const uploaded = await running.send('/up', { method: 'POST', content: largeContent });
      expect(uploaded.content.toString()).toBe(`got ${largeContent.length} bytes`);
    } finally {
      server.close();
      server.closeAllConnections();
    }
    const gone = await (example.running[0] as RunningExample).send('/a');
    expect(gone.head.status).toBe(502);
    expect(gone.head.get('proxy-status')).toContain('connection_terminated');
  },

  ...headerChecks,
  ...accessChecks,
  ...adminChecks,
  ...egressChecks,
  ...frameworkChecks,
  ...gatewayChecks,
  ...guardChecks,
  ...hookChecks,
  ...migrationChecks,
  ...resumeChecks,
  ...serverChecks,
  ...signingChecks,
};

/** A small response, a large one, a part of one, and an upload. */
async function expectForwards(running: RunningExample, { origin }: Example): Promise<void> {
  const small = await running.send('/files/a?secret=1');
  expect(small.content.toString()).toBe('this is /files/a?secret=1');
  expect(origin.seen).toMatchObject([{ method: 'GET', url: '/files/a?secret=1' }]);
  const large = await running.send('/large');
  expect(large.complete).toBe(true);
  expect(large.content.equals(largeContent)).toBe(true);
  const part = await running.send('/large', { fields: ['Range: bytes=1000-1999', 'If-Range: "large"'] });
  expect(part.head.status).toBe(206);
  expect(part.content.equals(largeContent.subarray(1000, 2000))).toBe(true);
  if ((await running.send('/up', { method: 'POST', content: 'four' })).head.status === 405) return;
  expect(origin.seen.at(-1)).toMatchObject({ method: 'POST', content: Buffer.from('four') });
}

/** Clients come over HTTPS, and the origin server at port 9443 has a certificate of a private authority. */
async function expectSecure(example: Example, run: () => Promise<RunningExample>): Promise<void> {
  const authority = await makeAuthority();
  const tls = await makeCertificate(['localhost'], { issuer: authority });
  const origin = await startExampleOrigin({ tls });
  try {
    example.replacements.set('9443', String(origin.port));
    example.write('authority.pem', authority.cert);
    const ca = await writeCertificates(example);
    const running = await run();
    const response = await running.send('/large', { ca });
    expect(response.content.equals(largeContent)).toBe(true);
    expect(origin.seen).toHaveLength(1);
  } finally {
    await origin.stop();
  }
}

/** Writes `chain.pem` and `key.pem` for localhost; returns what clients have to trust. */
async function writeCertificates(example: Example): Promise<string> {
  const { cert, key, ca } = await makeCertificate(['localhost', '127.0.0.1']);
  example.write('chain.pem', cert);
  example.write('key.pem', key);
  return ca;
}

const readJson = (path: string): unknown => JSON.parse(readFileSync(join(repositoryRoot, path), 'utf8'));
