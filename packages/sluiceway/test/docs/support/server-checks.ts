import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request as sendTo } from 'node:https';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { expect } from 'vitest';
import { formatKeys, generateKey, type Key } from '../../../src/gateway.js';
import { createUrlSigner, type TransferRecord } from '../../../src/index.js';
import { makeAuthority, makeCertificate, type TestCertificate } from '../../support/certificates.js';
import { openClient } from '../../support/raw-client.js';
import { node } from '../../support/requirements.js';
import { until } from '../../support/until.js';
import { type Check, commandsOf, type Example, type RunningExample } from './example.js';
import { readPage } from './markdown.js';
import { outputOf, program } from './signing-checks.js';

/** Serves the configuration of the block. */
function serveBlock(
  example: Example,
  edit: (text: string) => string = (text) => text,
): Promise<RunningExample> {
  example.write('sluiceway.yaml', example.replaced(edit(example.block.text)));
  return example.runProgram([['npx', 'sluiceway', 'serve', '--config', 'sluiceway.yaml']]);
}

const bodyOf = async (
  running: RunningExample,
  path: string,
  fields: readonly string[] = [],
): Promise<string> => (await running.send(path, { fields })).content.toString();

const statusOf = async (
  running: RunningExample,
  path: string,
  fields: readonly string[] = [],
): Promise<number> => (await running.send(path, { fields })).head.status;

function writeKeys(example: Example): Key {
  const key = generateKey();
  example.write('keys.json', formatKeys([key]));
  return key;
}

const TOKEN = 'a-token-of-24-characters';

/** The names of the certificate that a client gets that asks for `servername`. */
function namesFor(port: number, servername: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = sendTo({ port, host: '127.0.0.1', servername, ca, agent: false }, (response) => {
      response.resume();
    });
    request.on('error', reject).on('socket', (socket) =>
      socket.once('secureConnect', () => {
        const { subjectaltname = '' } = (socket as TLSSocket).getPeerCertificate();
        resolve(subjectaltname);
      }),
    );
    request.end();
  });
}

/** Checks of the examples of the server, by what `<!-- test: … -->` above a block says. */
export const serverChecks: Readonly<Record<string, Check>> = {
  'a configuration with log files': async (example) => {
    const running = await serveBlock(example);
    await bodyOf(running, '/health');
    await bodyOf(running, '/a?b');
    const file = join(example.project, 'access.log');
    await until(() => readFileSync(file, 'utf8') !== '', 'the log was written');
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('"GET /a?... HTTP/1.1" 200 ');
    expect(readFileSync(join(example.project, 'error.log'), 'utf8')).toBe('');
  },

  'a line of the combined log': async ({ block }) => {
    const { formatTransferCombined } = await import('../../../src/index.js');
    const record = {
      time: '2026-01-02T03:04:05.000Z',
      clientAddress: '192.0.2.7',
      forwardedFor: null,
      identity: null,
      method: 'GET',
      path: '/files/a?…',
      httpVersion: '1.1',
      status: 200,
      bytesDown: 1_048_576,
      referer: null,
      userAgent: 'curl/8.5.0',
      outcome: 'completed',
      durationMs: 1234,
      upstream: 'http://127.0.0.1:9000',
      requestId: '6f2b1c1e-8f0e-4a57-9d7c-1b0a4d5f8c11',
    } as TransferRecord;
    expect(`${formatTransferCombined(record, { route: '/files/**' })}\n`).toBe(block.text);
  },

  'a first configuration file is written, checked and served': async (example) => {
    const [init, check, serve] = commandsOf(example.block);
    const path = join(example.project, 'sluiceway.yaml');
    await outputOf(example, node, [program, ...(init?.slice(2) ?? [])]);
    example.write('sluiceway.yaml', example.replaced(readFileSync(path, 'utf8')));
    expect(await outputOf(example, node, [program, ...(check?.slice(2) ?? [])])).toContain('is valid');
    const running = await example.runProgram(serve && [serve]);
    expect(await bodyOf(running, '/files/a')).toBe('this is /files/a');
    expect(await bodyOf(running, '/health')).toBe('ok');
  },

  'a configuration file is written and served': async (example) => {
    const [init, serve] = commandsOf(example.block);
    await outputOf(example, node, [program, ...(init?.slice(2) ?? [])]);
    const text = readFileSync(join(example.project, 'sluiceway.yaml'), 'utf8');
    example.write('sluiceway.yaml', example.replaced(text));
    expect(await bodyOf(await example.runProgram(serve && [serve]), '/files/a')).toBe('this is /files/a');
  },

  'a configuration forwards to the origin server': async (example) => {
    const running = await serveBlock(example);
    expect(await bodyOf(running, '/files/a')).toBe('this is /files/a');
    await running.wrote(/listening on http:.*, serving 1 route\n/);
  },

  'what config check says': async (example) => {
    example.write(
      'sluiceway.yaml',
      'listeners:\n  - address: 127.0.0.1:8080\n\nroutes:\n  - proxy:\n      upstream: http://127.0.0.1:9000\n      timeouts: { conect: 5s }\n      limits: { minRate: fast }\n',
    );
    let stderr = '';
    try {
      execFileSync(process.execPath, [program, 'config', 'check', 'sluiceway.yaml'], {
        cwd: example.project,
        encoding: 'utf8',
        stdio: 'pipe',
      });
    } catch (error) {
      ({ stderr } = error as { stderr: string });
    }
    expect(stderr).toBe(example.block.text);
  },

  'routes of every kind': async (example) => {
    writeKeys(example);
    example.write('tokens.txt', `ci:${TOKEN}\n`);
    const running = await serveBlock(example);
    expect(await bodyOf(running, '/files/a?b')).toBe('this is /storage/a?b');
    expect((await running.send('/files/a', { method: 'PUT', content: 'four' })).head.status).toBe(401);
    const authorization = `Authorization: Bearer ${TOKEN}`;
    const uploaded = await running.send('/files/a', {
      method: 'PUT',
      content: 'four',
      fields: [authorization],
    });
    expect(uploaded.content.toString()).toBe('got 4 bytes');
    expect(await statusOf(running, '/download')).toBe(403);
    expect(await bodyOf(running, '/health')).toBe('ok');
    expect(await statusOf(running, '/health/x')).toBe(404);
  },

  'a configuration with an admin listener': async (example) => {
    example.replacements.set('127.0.0.1:9180', '127.0.0.1:0');
    const running = await serveBlock(example);
    const [, port = ''] = await running.wrote(/admin listener on http:\/\/127\.0\.0\.1:(\d+)\n/);
    for (const path of ['/healthz', '/readyz', '/api/config'])
      expect((await fetch(`http://127.0.0.1:${port}${path}`)).status).toBe(200);
  },

  'calls of the admin listener': async (example) => {
    const text =
      'listeners: [{ address: 127.0.0.1:0 }]\nadmin: { address: 127.0.0.1:0 }\nroutes: [{ respond: {} }]\n';
    example.write('sluiceway.yaml', text);
    const running = await example.runProgram([['npx', 'sluiceway', 'serve', '--config', 'sluiceway.yaml']]);
    const [, port = ''] = await running.wrote(/admin listener on http:\/\/127\.0\.0\.1:(\d+)\n/);
    const answers: unknown[] = [];
    for (const [curl, ...words] of commandsOf(example.block)) {
      expect(curl).toBe('curl');
      const url = words.at(-1)?.replace(':9180', `:${port}`) ?? '';
      answers.push(await (await fetch(url, { method: words.includes('POST') ? 'POST' : 'GET' })).json());
    }
    expect(answers).toMatchObject([{ status: 'ready' }, { reloaded: true }]);
  },

  // `workers.test.ts` runs workers, which are processes of the built program.
  'a configuration with workers': async (example) => {
    example.write('sluiceway.yaml', example.block.text);
    const output = await outputOf(example, node, [program, 'config', 'check', 'sluiceway.yaml']);
    expect(output).toContain('is valid: 1 listener(s), 1 route(s)');
  },

  // Nothing listens where the example has its store. Without it, requests are served all the same.
  'a configuration with a store': async (example) => {
    example.replacements.set('6379', '1');
    expect(await bodyOf(await serveBlock(example), '/files/a')).toBe('this is /files/a');
  },

  'the program with a store': async (example) => {
    example.replacements.set('6379', '1');
    expect(await bodyOf(await example.runProgram(), '/files/a')).toBe('this is /files/a');
  },

  'an application with a store': async (example) => {
    example.replacements.set('6379', '1');
    expect(await bodyOf(await example.run(), '/files/a')).toBe('this is /files/a');
  },

  'a configuration with public health': async (example) => {
    const running = await serveBlock(example);
    expect(await bodyOf(running, '/ready')).toBe('{"status":"ready"}\n');
    expect(await bodyOf(running, '/files/a')).toBe('this is /files/a');
  },

  'a configuration with tracing': async (example) => {
    const running = await serveBlock(example);
    expect((await running.send('/')).head.status).toBe(200);
  },

  'a configuration with TLS': async (example) => {
    const authority = await makeAuthority();
    for (const name of ['files.example.com', 'example.org']) {
      const { cert, key } = await makeCertificate([name], { issuer: authority });
      example.write(`${name}.pem`, cert);
      example.write(`${name}.key`, key);
    }
    example.replacements.set('127.0.0.1:8443', '127.0.0.1:0');
    const running = await serveBlock(example);
    await running.wrote(/(?:sluiceway: listening on .*\n){2}/);
    const [secure = 0, plain = 0] = portsOf(running);
    for (const name of ['files.example.com', 'example.org'])
      expect(await namesFor(secure, name, authority.cert)).toBe(`DNS:${name}`);
    running.port = plain;
    const redirected = await running.send('/a?b=c', { fields: [] });
    expect(redirected.head.status).toBe(308);
    expect(redirected.head.get('location')).toMatch(/^https:\/\/test:8443\/a\?b=c$/);
  },

  'a configuration with client certificates': async (example) => {
    const authority = await makeAuthority();
    const server = await makeCertificate(['localhost'], { issuer: authority });
    const client = await makeCertificate(['client'], { issuer: authority });
    example.write('server.pem', server.cert);
    example.write('server.key', server.key);
    example.write('clients-ca.pem', authority.cert);
    example.replacements.set('8443', '0');
    const running = await serveBlock(example);
    expect(await askWith(running.port, authority.cert, client)).toBe(200);
    await expect(askWith(running.port, authority.cert, null)).rejects.toThrow(
      /socket hang up|alert|ECONNRESET/,
    );
  },

  'a configuration with ACME': async (example) => {
    // The authority itself is tested in packages/server/test/acme.test.ts.
    example.write('sluiceway.yaml', example.block.text);
    const checked = await outputOf(example, node, [program, 'config', 'check', 'sluiceway.yaml']);
    expect(checked).toContain('is valid: 2 listener(s), 1 route(s)');
  },

  'a configuration with socket activation': async (example) => {
    // Passed sockets are tested in packages/server/test/socket-activation.test.ts.
    example.write('sluiceway.yaml', example.block.text);
    const checked = await outputOf(example, node, [program, 'config', 'check', 'sluiceway.yaml']);
    expect(checked).toContain('is valid: 1 listener(s), 1 route(s)');
  },

  'a socket unit for the configuration above it': async ({ block }) => {
    const page = readPage('docs/server.md');
    const configuration = page.blocks.find(({ check }) => check === 'a configuration with socket activation');
    const [, name = ''] = /^FileDescriptorName=(.+)$/m.exec(block.text) ?? [];
    expect(configuration?.text).toContain(`systemd:${name}\n`);
  },

  'a configuration with PROXY protocol': async (example) => {
    const running = await serveBlock(example);
    const client = await openClient(running.port);
    await client.send('PROXY TCP4 192.0.2.7 198.51.100.1 5000 443\r\n');
    await client.get('/a');
    expect((await client.readResponse()).head.status).toBe(200);
    client.close();
    expect(example.origin.seen.at(-1)?.fields).toMatchObject({ 'x-forwarded-for': '192.0.2.7' });
  },

  'client certificates let in': async (example) => {
    const authority = await makeAuthority();
    const server = await makeCertificate(['localhost'], { issuer: authority });
    example.write('server.pem', server.cert);
    example.write('server.key', server.key);
    example.write('clients-ca.pem', authority.cert);
    example.replacements.set('8443', '0');
    const running = await serveBlock(example);
    const [client, other] = [
      await makeCertificate(['backup.example.com'], { issuer: authority }),
      await makeCertificate(['other.example.com'], { issuer: authority }),
    ];
    expect(await askWith(running.port, authority.cert, client)).toBe(200);
    expect(example.origin.seen.at(-1)?.fields).toMatchObject({ 'x-client': 'backup.example.com' });
    expect(await askWith(running.port, authority.cert, other)).toBe(403);
    expect(await askWith(running.port, authority.cert, null)).toBe(403);
  },

  'a configuration with secrets from elsewhere': async (example) => {
    example.write('storage-token', 'hush-hush\n');
    const running = await serveBlock(example);
    await running.send('/a');
    expect(example.origin.seen.at(-1)?.fields).toMatchObject({
      authorization: 'Bearer hush-hush',
      'x-tenant': 'none',
    });
    const shown = await outputOf(example, node, [program, 'config', 'show', 'sluiceway.yaml']);
    expect(shown).not.toContain('hush-hush');
    expect(running.output).not.toContain('hush-hush');
  },

  'a configuration with access rules': async (example) => {
    const key = writeKeys(example);
    example.write('tokens.txt', `${TOKEN}\n`);
    example.write('.htpasswd', `ada:$2b$04$${'a'.repeat(53)}\n`);
    const running = await serveBlock(example);
    expect(await statusOf(running, '/a')).toBe(200);
    expect(await statusOf(running, '/public/a')).toBe(200);
    expect(await statusOf(running, '/signed/a')).toBe(403);
    const sign = createUrlSigner({ keys: [key] });
    expect(await statusOf(running, sign('/signed/a', { expires: '1h' }))).toBe(200);
    expect(await statusOf(running, '/secret/a', [`Authorization: Bearer ${TOKEN}`])).toBe(403);
    expect(await statusOf(running, '/%73ecret/a')).toBe(400);
  },
};

const portsOf = ({ output }: RunningExample): number[] =>
  Array.from(output.matchAll(/listening on https?:[^\s,]+:(\d+)/g), ([, port]) => Number(port));

function askWith(port: number, ca: string, client: TestCertificate | null): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    sendTo(
      {
        port,
        host: '127.0.0.1',
        servername: 'localhost',
        ca,
        agent: false,
        ...(client !== null && { cert: client.cert, key: client.key }),
      },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    )
      .on('error', reject)
      .end();
  });
}
