import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { createLinks, formatKeys, generateKey, type Key } from 'sluiceway/gateway';
import { describe, expect } from 'vitest';
import { isSeeded } from '../../sluiceway/test/support/content.js';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { Gate } from '../../sluiceway/test/support/gate.js';
import type { RawClient } from '../../sluiceway/test/support/raw-client.js';
import { respondWith } from '../../sluiceway/test/support/raw-origin.js';
import { key, LOOPBACK, writeKeys } from './support/gateway-program.js';
import { sluicewayGateway, sluicewayProxy } from './support/process.js';

/** More than the sockets on the way can hold. */
const size = 32 * 1024 * 1024;

/** A proxy with a download under way that its client does not read: it can not end by itself. */
async function startPausedDownload(net: Network, ...flags: string[]) {
  const origin = await net.origin(async (connection) => {
    await connection.readHead();
    await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    await connection.writeSeeded('drain', 0, size);
  });
  const program = await sluicewayProxy(net, origin.url, '--log', 'json', ...flags);
  const client = await net.client(program);
  await client.get('/');
  const head = await client.readHead();
  client.pause();
  return { program, client, head, origin };
}

async function readRest(client: RawClient, head: Awaited<ReturnType<RawClient['readHead']>>) {
  client.resume();
  let offset = 0;
  let wrong = 0;
  const { complete } = await client.readContent(head, {
    onContent: (bytes) => {
      if (!isSeeded('drain', offset, bytes)) wrong += 1;
      offset += bytes.length;
    },
  });
  return { complete, offset, wrong };
}

const isRefused = async (port: number): Promise<boolean> => {
  const socket = connect(port, '127.0.0.1');
  const refused = await once(socket, 'connect').then(
    () => false,
    () => true,
  );
  socket.destroy();
  return refused;
};

describe.each(['SIGTERM', 'SIGINT'] as const)('%s', (signal) => {
  test('without a transfer ends the program with 0 [nginx]', async ({ net }) => {
    const program = await sluicewayProxy(net, 'http://127.0.0.1:1');
    program.signal(signal);
    expect(await program.exited).toBe(0);
    expect(program.stdout).toContain(`${signal}: stopping, no transfer is running`);
    expect(program.stderr).toBe('');
  });

  test('lets a running transfer end, accepts no other, and the program ends with 0 [nginx; Caddy]', async ({
    net,
  }) => {
    const { program, client, head } = await startPausedDownload(net);
    program.signal(signal);
    await program.match('stdout', /stopping, waiting up to 30s for 1 transfer\n/);
    expect(await isRefused(program.port)).toBe(true);
    expect(program.exitCode).toBe(null);

    expect(await readRest(client, head)).toEqual({ complete: true, offset: size, wrong: 0 });
    expect(await program.exited).toBe(0);
    expect(await client.closed).toBe('fin');
    expect(await program.record()).toMatchObject({ outcome: 'completed', bytesDown: size });
  });

  test('cuts transfers off when --drain-timeout is over, and the program ends with 1 [Caddy; HAProxy]', async ({
    net,
  }) => {
    const { program, client, head } = await startPausedDownload(net, '--drain-timeout', '200ms');
    program.signal(signal);
    expect(await program.exited).toBe(1);
    expect(program.stderr).toContain('sluiceway: 1 transfer cut off after 200ms\n');
    expect(await program.record()).toMatchObject({ outcome: 'shutdown' });
    const { complete, wrong } = await readRest(client, head);
    expect({ complete, wrong }).toEqual({ complete: false, wrong: 0 });
  });

  test('twice ends the program at once with 128 and the number of the signal [Node]', async ({ net }) => {
    const { program, client, head } = await startPausedDownload(net);
    program.signal(signal);
    await program.match('stdout', /stopping/);
    program.signal(signal);
    expect(await program.exited).toBe(signal === 'SIGINT' ? 130 : 143);
    expect((await readRest(client, head)).complete).toBe(false);
  });
});

describe('while the program stops,', () => {
  test('connections without a request are closed at once [RFC 9112 9.6; nginx]', async ({ net }) => {
    const origin = await net.origin(respondWith('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
    const program = await sluicewayProxy(net, origin.url);
    const idle = await net.client(program);
    await idle.get('/');
    await idle.readResponse();
    const unused = await net.client(program);
    program.signal('SIGTERM');
    expect(await program.exited).toBe(0);
    expect(await idle.closed).toBe('fin');
    expect(await unused.closed).toBe('fin');
  });

  test('a response whose head is unsent says Connection: close, and its connection ends [RFC 9112 9.6; nginx]', async ({
    net,
  }) => {
    const asked = new Gate();
    const stopping = new Gate();
    const origin = await net.origin(async (connection) => {
      await connection.readHead();
      asked.open();
      await stopping.opened;
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
    const program = await sluicewayProxy(net, origin.url);
    const client = await net.client(program);
    await client.get('/');
    await asked.opened;
    program.signal('SIGTERM');
    await program.match('stdout', /stopping/);
    stopping.open();
    const response = await client.readResponse();
    expect(response.head.get('connection')).toBe('close');
    expect(response.content.toString()).toBe('ok');
    expect(await client.closed).toBe('fin');
    expect(await program.exited).toBe(0);
  });

  test('a client that keeps its connection open does not hold it up [nginx]', async ({ net }) => {
    const { program, client, head } = await startPausedDownload(net);
    program.signal('SIGTERM');
    await program.match('stdout', /stopping/);
    expect((await readRest(client, head)).complete).toBe(true);
    // The client has its response and never says that it is done with the connection.
    expect(await program.exited).toBe(0);
    client.close();
  });
});

describe('SIGHUP', () => {
  test('ends neither a running transfer nor the program, however often it comes [nginx; HAProxy]', async ({
    net,
  }) => {
    const { program, client, head } = await startPausedDownload(net);
    program.signal('SIGHUP');
    await program.match('stdout', /SIGHUP: reloaded\n/);
    program.signal('SIGHUP');
    await program.match('stdout', /(?:SIGHUP: [^\n]*\n[^]*){2}/);
    expect(await isRefused(program.port)).toBe(false);
    expect(await readRest(client, head)).toEqual({ complete: true, offset: size, wrong: 0 });
    program.signal('SIGTERM');
    expect(await program.exited).toBe(0);
  });

  test('ends nothing while the program stops [nginx]', async ({ net }) => {
    const { program, client, head } = await startPausedDownload(net);
    program.signal('SIGTERM');
    await program.match('stdout', /stopping/);
    program.signal('SIGHUP');
    await program.match('stdout', /SIGHUP: /);
    expect(await readRest(client, head)).toEqual({ complete: true, offset: size, wrong: 0 });
    expect(await program.exited).toBe(0);
  });

  test('ends nothing where the terminal is gone, and with it all output [POSIX 11.1.10]', async ({ net }) => {
    const { program, client, head } = await startPausedDownload(net);
    program.child.stdout?.destroy();
    program.child.stderr?.destroy();
    program.signal('SIGHUP');
    expect(await readRest(client, head)).toEqual({ complete: true, offset: size, wrong: 0 });
    const other = await net.client(program);
    other.close();
    program.signal('SIGTERM');
    expect(await program.exited).toBe(0);
  });

  test('makes a gateway read its keys again, and keep them where they cannot be read [nginx]', async ({
    net,
  }) => {
    const origin = await net.origin(respondWith(() => 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx'));
    const keys = writeKeys(net);
    const program = await sluicewayGateway(net, '--keys', keys, ...LOOPBACK);
    const fresh = generateKey();
    const statusOf = async (by: Key): Promise<number> => {
      const client = await net.client(program);
      const url = `${origin.url}/`;
      await client.get(createLinks({ keys: [by] }).sign({ url, expires: '1h' }));
      return (await client.readResponse()).head.status;
    };
    expect([await statusOf(key), await statusOf(fresh)]).toEqual([200, 403]);
    writeFileSync(keys, '{');
    program.signal('SIGHUP');
    await program.match('stderr', /SIGHUP: not reloaded, everything stays as it was: --keys: /);
    expect(await statusOf(key)).toBe(200);
    writeFileSync(keys, formatKeys([fresh]));
    program.signal('SIGHUP');
    await program.match('stdout', /SIGHUP: reloaded\n/);
    expect([await statusOf(key), await statusOf(fresh)]).toEqual([403, 200]);
  });
});
