import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { loopbackCertificate } from '../../sluiceway/test/support/certificates.js';
import { isSeeded } from '../../sluiceway/test/support/content.js';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { ErrorCode, Flag, FrameType, fieldOf } from '../../sluiceway/test/support/frames.js';
import type { FramesClient } from '../../sluiceway/test/support/frames-client.js';
import { Gate } from '../../sluiceway/test/support/gate.js';
import { opening } from '../../sluiceway/test/support/web-socket-origin.js';
import { type ProgramProcess, sluicewayProxy } from './support/process.js';

const SIZE = 50_000;

interface Stopping {
  program: ProgramProcess;
  frames: FramesClient;
  /** Lets the origin server send the rest. */
  more: Gate;
}

/** The program with a client of HTTP/2 that has the first part of a download on stream 1. */
async function startDownload(net: Network, over: 'h2c' | 'tls', ...flags: string[]): Promise<Stopping> {
  const more = new Gate();
  const origin = await net.origin(async (connection) => {
    await connection.readHead();
    await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
    await connection.writeSeeded('stop', 0, 1000);
    await more.opened;
    await connection.writeSeeded('stop', 1000, SIZE);
    await connection.readAll();
  });
  const { program, frames } = await startProgram(net, over, origin.url, ...flags);
  await frames.readSection(frames.get('/'));
  return { program, frames, more };
}

async function startProgram(
  net: Network,
  over: 'h2c' | 'tls',
  upstream: string,
  ...flags: string[]
): Promise<{ program: ProgramProcess; frames: FramesClient }> {
  const certificate = await loopbackCertificate();
  const folder = mkdtempSync(join(tmpdir(), 'sluiceway-stop-'));
  net.cleanup(() => rmSync(folder, { recursive: true }));
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  writeFileSync(cert, certificate.cert);
  writeFileSync(key, certificate.key);
  const listen = over === 'tls' ? ['--cert', cert, '--key', key] : ['--h2c', '127.0.0.1:0'];
  const program = await sluicewayProxy(net, upstream, ...listen, '--log', 'json', ...flags);
  const [, h2cPort] = over === 'h2c' ? await program.match('stdout', /:(\d+) for HTTP\/2 without TLS/) : [];
  const ca = over === 'tls' ? certificate.ca : undefined;
  const port = over === 'tls' ? program.port : Number(h2cPort);
  return { program, frames: await net.frames({ port, ca }) };
}

describe.for(['h2c', 'tls'] as const)('SIGTERM with a client of HTTP/2 (%s)', (over) => {
  test('says GOAWAY at once, lets a running stream end, takes no other, and ends with 0 [RFC 9113 6.8; nginx]', async ({
    net,
  }) => {
    const { program, frames, more } = await startDownload(net, over);
    program.signal('SIGTERM');
    expect(await frames.readGoaway()).toEqual({ lastStream: 1, code: ErrorCode.NO_ERROR });
    const late = frames.get('/');
    expect(late).toBe(3);
    more.open();
    const { content } = await frames.readContent(1);
    expect(content.length === SIZE && isSeeded('stop', 0, content)).toBe(true);
    expect(await frames.wire.closed).toBe('fin');
    frames.close();
    expect(await program.exited).toBe(0);
    expect(await program.records(1)).toMatchObject([{ outcome: 'completed', bytesDown: SIZE }]);
  });

  test('closes an idle connection at once, and ends with 0 [RFC 9113 6.8; nginx]', async ({ net }) => {
    const { program, frames } = await startProgram(net, over, 'http://127.0.0.1:1');
    expect((await frames.readResponse(frames.get('/'))).status).toBe(502);
    program.signal('SIGTERM');
    expect((await frames.readGoaway()).code).toBe(ErrorCode.NO_ERROR);
    expect(await frames.wire.closed).toBe('fin');
    frames.close();
    expect(await program.exited).toBe(0);
  });

  test('cuts streams off when --drain-timeout is over, so that they look cut, and ends with 1 [RFC 9113 8.1]', async ({
    net,
  }) => {
    const { program, frames } = await startDownload(net, over, '--drain-timeout', '300ms');
    program.signal('SIGTERM');
    expect(await program.exited).toBe(1);
    expect(await program.record()).toMatchObject({ outcome: 'shutdown' });
    await expect(frames.readContent(1)).rejects.toThrow(/reset with code|connection ended/);
  });

  test('says Close with 1001 to both sides of a WebSocket, and ends with 0 [RFC 6455 7.4.1; Caddy]', async ({
    net,
  }) => {
    let received: Buffer | undefined;
    const origin = await net.origin(
      opening(async (connection) => {
        received = await connection.readExactly(8);
        await connection.write(Buffer.from('880203e9', 'hex'));
        await connection.readAll();
      }),
    );
    const { program, frames } = await startProgram(net, over, origin.url);
    const stream = frames.connect('/');
    expect(fieldOf((await frames.readSection(stream)).lines, ':status')).toBe('200');
    program.signal('SIGTERM');
    await frames.readGoaway();
    const { payload } = await frames.next(FrameType.DATA, stream);
    expect(payload.toString('hex')).toBe('880203e9');
    void frames.data(stream, Buffer.from('88820000000003e9', 'hex'), Flag.END_STREAM);
    expect(await frames.wire.closed).toBe('fin');
    frames.close();
    expect(await program.exited).toBe(0);
    expect(received?.subarray(0, 2).toString('hex')).toBe('8882');
  });
});
