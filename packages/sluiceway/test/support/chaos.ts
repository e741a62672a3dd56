import { expect } from 'vitest';
import type { TestCertificate } from './certificates.js';
import { isSeeded, seededBytes } from './content.js';
import { Dice } from './dice.js';
import type { Network } from './fixture.js';
import type { RawClient } from './raw-client.js';
import type { OriginConnection } from './raw-origin.js';
import { toChunk } from './through.js';
import { until } from './until.js';

const HOWS = ['reset', 'end', 'destroy'] as const;
const PHASES = ['connect', 'head', 'upload', 'content', 'last byte'] as const;

/** One request and its fault. The origin server reads its part from the request-target. */
export interface Plan {
  index: number;
  size: number;
  framing: 'sized' | 'chunked' | 'close';
  uploadSize: number;
  fault: 'none' | 'client' | 'origin';
  phase: (typeof PHASES)[number];
  at: number;
  how: (typeof HOWS)[number];
}

export function draw(dice: Dice, index: number): Plan {
  const size = dice.pick([0, 1, 1000, 70_000, 300_000, 1_500_000]);
  const uploadSize = dice.pick([0, 0, 0, 1000, 100_000, 400_000]);
  const framing = dice.pick(['sized', 'chunked', 'close'] as const);
  const fault = dice.pick(['none', 'client', 'client', 'origin', 'origin'] as const);
  const how = dice.pick(HOWS);
  const phase = dice.pick(PHASES);
  // Only a reset shows that content delimited by the end of the connection is incomplete.
  const broken = fault === 'origin' && framing === 'close' ? 'reset' : how;
  const at = dice.roll((phase === 'upload' ? uploadSize : size) + 1);
  return { index, size, framing, uploadSize, fault, phase, at, how: broken };
}

/**
 * Sends `count` requests, most of which are broken off by one side at a random place. Fails if a response that looks
 * complete is not, if one without a fault is incomplete, or if anything is left afterwards.
 */
export async function runChaos(
  net: Network,
  count: number,
  seed: number,
  parallel: number,
  certificate?: TestCertificate,
): Promise<void> {
  const escaped = collectEscapes(net);
  const dice = new Dice(seed);
  const secure = certificate && { tls: { ca: certificate.ca } };
  const origin = await net.origin(serve, certificate && { tls: certificate });
  const running = await net.proxy(
    { upstream: { url: origin.url, ...secure } },
    certificate && { tls: certificate },
  );
  const connect = (): Promise<RawClient> => net.client(running, secure);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const plan = draw(dice, next);
      next += 1;
      await request(await connect(), plan);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));

  await until(() => running.proxy.active === 0, 'no transfer was left');
  await until(() => running.open === 0, 'no socket of a client was left');
  expect(escaped).toEqual([]);
  // The proxy still works.
  await request(await connect(), { ...draw(dice, count), fault: 'none' });
}

/** Collects uncaught errors while the test runs. */
export function collectEscapes(net: Network): unknown[] {
  const escaped: unknown[] = [];
  const onEscape = (error: unknown): void => void escaped.push(error);
  process.on('uncaughtException', onEscape);
  process.on('unhandledRejection', onEscape);
  net.cleanup(() => {
    process.off('uncaughtException', onEscape);
    process.off('unhandledRejection', onEscape);
  });
  return escaped;
}

async function request(client: RawClient, plan: Plan): Promise<void> {
  const told = JSON.stringify(plan);
  try {
    const received = await converse(client, plan);
    // A POST cannot be sent again if the origin server closes its reused connection at that moment.
    const expected = plan.uploadSize === 0 ? ['whole'] : ['whole', 'refused'];
    if (plan.fault === 'none') expect(expected, told).toContain(received);
    expect(received, told).not.toBe('wrong');
  } finally {
    client.close();
  }
}

async function converse(client: RawClient, plan: Plan): Promise<'whole' | 'refused' | 'broken' | 'wrong'> {
  const { fault, phase, at, how, size, uploadSize } = plan;
  const mine = fault === 'client';
  if (mine && phase === 'connect') {
    client[how]();
    return 'broken';
  }
  const target = encodeURIComponent(JSON.stringify(plan));
  const content = uploadSize === 0 ? '' : `Content-Length: ${uploadSize}\r\n`;
  void client.send(
    `${uploadSize === 0 ? 'GET' : 'POST'} /${target} HTTP/1.1\r\nHost: test\r\n${content}\r\n`,
  );
  if (mine && phase === 'upload') await client.send(seededBytes('up', 0, at)).catch(() => {});
  else void client.send(seededBytes('up', 0, uploadSize));
  if (mine && (phase === 'head' || phase === 'upload')) {
    client[how]();
    return 'broken';
  }
  let received = 0;
  let right = true;
  try {
    const head = await client.readHead();
    if (head.status !== 200) return 'refused';
    const { complete } = await client.readContent(head, {
      onContent: (bytes) => {
        right &&= isSeeded('down', received, bytes);
        received += bytes.length;
        if (mine && received >= at) client[how]();
      },
    });
    if (!right) return 'wrong';
    if (!complete) return 'broken';
    return received === size ? 'whole' : 'wrong';
  } catch {
    return right ? 'broken' : 'wrong';
  }
}

/** The part of the origin server. */
export async function serve(connection: OriginConnection): Promise<void> {
  for (;;) {
    const head = await connection.readHead();
    const plan = JSON.parse(decodeURIComponent(head.target.slice(1))) as Plan;
    const { fault, phase, at, how, size, framing } = plan;
    const mine = fault === 'origin';
    if (mine && phase === 'connect') return leave(connection, how);
    if (mine && phase === 'upload') {
      await connection.readExactly(at);
      return leave(connection, how);
    }
    await connection.readContent(head);
    const cut = mine && phase === 'content' ? at : size;
    const field =
      framing === 'sized'
        ? `Content-Length: ${size}\r\n`
        : framing === 'chunked'
          ? 'Transfer-Encoding: chunked\r\n'
          : '';
    void connection.write(`HTTP/1.1 200 OK\r\n${field}`);
    if (mine && phase === 'head') return leave(connection, how);
    void connection.write('\r\n');
    const content = seededBytes('down', 0, cut);
    if (framing === 'chunked') {
      for (let from = 0; from < cut; from += 50_000)
        void connection.write(toChunk(content.subarray(from, from + 50_000)));
    } else if (mine && phase === 'last byte') {
      void connection.write(content.subarray(0, Math.max(0, size - 1)));
    } else void connection.write(content);
    // Everything must be sent first: bytes that a reset overtakes would not be tested.
    await connection.write('');
    if (mine) return leave(connection, how);
    if (framing === 'chunked') await connection.write('0\r\n\r\n');
    if (framing === 'close') return connection.end();
  }
}

async function leave(connection: OriginConnection, how: Plan['how']): Promise<void> {
  connection[how]();
  // Unread bytes would hide how the other side ends.
  if (how === 'end') await connection.readAll();
}
