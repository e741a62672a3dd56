import { once } from 'node:events';
import { type ClientHttp2Stream, constants } from 'node:http2';
import { Readable } from 'node:stream';
import { expect } from 'vitest';
import { watchContentEnd } from '../../src/http2/stream.js';
import { collectEscapes, draw, type Plan, serve } from './chaos.js';
import { isSeeded, seededBytes, seededViews } from './content.js';
import { Dice } from './dice.js';
import type { Network } from './fixture.js';
import type { Http2Client } from './http2-client.js';
import type { Http2Listening, RunningProxy } from './servers.js';
import { until } from './until.js';

const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants;

type Received = 'whole' | 'refused' | 'broken' | 'wrong';

/** A connection that requests share. Any of them can break it off for all. */
class Line {
  readonly client: Http2Client;
  isBroken = false;

  constructor(client: Http2Client) {
    this.client = client;
    client.session.once('close', () => {
      this.isBroken = true;
    });
  }

  /** Ends everything on the connection, in a random way. */
  break(dice: Dice): void {
    this.isBroken = true;
    const { session } = this.client;
    if (session.destroyed) return;
    const how = dice.pick(['destroy', 'goaway', 'reset'] as const);
    if (how === 'destroy') session.destroy();
    else if (how === 'goaway') session.destroy(new Error('enough'), constants.NGHTTP2_INTERNAL_ERROR);
    else if (session.encrypted === true) session.socket.destroySoon();
    else session.socket.resetAndDestroy();
  }
}

/**
 * Sends `count` requests over HTTP/2, `parallel` at a time and several on each connection. One side breaks most of them
 * off at a random place, by stream or by connection. Fails if a response that looks complete is not, if one without a
 * fault is incomplete, or if anything is left afterwards.
 */
export async function runHttp2Chaos(
  net: Network,
  count: number,
  seed: number,
  parallel: number,
  over: Http2Listening,
): Promise<void> {
  const escaped = collectEscapes(net);
  const dice = new Dice(seed);
  const origin = await net.origin(serve);
  const running = await net.proxy({ upstream: origin.url }, { http2: over });
  const opened: Line[] = [];
  const lines: Promise<Line>[] = [];
  const open = async (): Promise<Line> => {
    const line = new Line(await net.http2(running));
    opened.push(line);
    return line;
  };

  let next = 0;
  const worker = async (_: unknown, index: number): Promise<void> => {
    const place = index % Math.ceil(parallel / 4);
    while (next < count) {
      const plan = draw(dice, next);
      next += 1;
      lines[place] ??= open();
      if ((await lines[place]).isBroken) lines[place] = open();
      await request(await lines[place], plan, dice);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));

  await until(() => running.proxy.active === 0, 'no transfer was left');
  for (const { client } of opened) client.close();
  await until(() => running.sessions === 0 && running.open === 0, 'no connection of a client was left');
  expect(escaped).toEqual([]);
  expectRecords(running, count);
  // The proxy still works.
  await request(new Line(await net.http2(running)), { ...draw(dice, count), fault: 'none' }, dice);
}

/** A transfer that is aborted before the proxy has seen it has no record. */
function expectRecords({ recorded }: RunningProxy, count: number): void {
  expect(recorded.length).toBeLessThanOrEqual(count);
  const outcomes = new Set(recorded.map(({ outcome }) => outcome));
  for (const outcome of ['internal', 'rejected', 'upstream_invalid'] as const)
    expect([...outcomes]).not.toContain(outcome);
}

async function request(line: Line, plan: Plan, dice: Dice): Promise<void> {
  const told = JSON.stringify(plan);
  const received = await converse(line, plan, dice);
  expect(received, told).not.toBe('wrong');
  if (plan.fault !== 'none' || line.isBroken) return;
  // A POST cannot be sent again if the origin server closes its reused connection at that moment.
  expect(plan.uploadSize === 0 ? ['whole'] : ['whole', 'refused'], told).toContain(received);
}

async function converse(line: Line, plan: Plan, dice: Dice): Promise<Received> {
  const { fault, phase, at, how, size, uploadSize, index } = plan;
  const mine = fault === 'client';
  const hasLength = index % 2 === 0;
  const isCutUpload = mine && phase === 'upload' && at < uploadSize;
  if (line.client.session.destroyed) return 'broken';
  const stream = line.client.open(`/${encodeURIComponent(JSON.stringify(plan))}`, {
    headers: {
      ':method': uploadSize === 0 ? 'GET' : 'POST',
      ...(uploadSize > 0 && hasLength && { 'content-length': uploadSize }),
    },
    ...(uploadSize > 0 && !isCutUpload && { content: Readable.from(seededViews('up', 0, uploadSize)) }),
    ...(isCutUpload && { content: new Readable({ read() {} }) }),
  });
  const leave = (): void => {
    if (how === 'destroy') line.break(dice);
    else stream.close(how === 'reset' ? NGHTTP2_CANCEL : NGHTTP2_NO_ERROR);
  };
  if (isCutUpload) stream.write(seededBytes('up', 0, at), leave);
  else if (mine && phase === 'connect') leave();
  else if (mine && phase === 'head') setImmediate(leave);
  return read(stream, size, mine && (phase === 'content' || phase === 'last byte') ? { at, leave } : null);
}

async function read(
  stream: ClientHttp2Stream,
  size: number,
  leaving: { at: number; leave: () => void } | null,
): Promise<Received> {
  const isComplete = watchContentEnd(stream);
  let status = 0;
  let received = 0;
  let right = true;
  let whole = false;
  stream.on('response', (head) => (status = head[':status'] ?? 0));
  stream.on('data', (bytes: Buffer) => {
    if (status === 200) right &&= isSeeded('down', received, bytes);
    received += bytes.length;
    if (leaving !== null && received >= leaving.at) leaving.leave();
  });
  stream.on('end', () => (whole = isComplete()));
  if (!stream.destroyed) await once(stream, 'close').catch(() => {});
  if (stream.rstCode === NGHTTP2_REFUSED_STREAM) return 'refused';
  if (!right) return 'wrong';
  if (!whole) return 'broken';
  if (status !== 200) return 'refused';
  return received === size ? 'whole' : 'wrong';
}
