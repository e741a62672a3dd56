import { describe, expect } from 'vitest';
import { Continuations } from '../../src/gateway/continuations.js';
import { seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { throughGateway } from '../support/gateway.js';
import type { OriginScript } from '../support/raw-origin.js';
import { StoppedTime } from '../support/stopped-time.js';
import { until } from '../support/until.js';

const SIZE = 100_000;
const file = seededBytes('continued', 0, SIZE);
const HALF = SIZE / 2;

/** `/broken` breaks after its half, unless a range is asked for; `/held` does not end before the gate opens. */
const serving =
  (mayEnd: Gate): OriginScript =>
  async (connection) => {
    for (;;) {
      const head = await connection.readHead();
      const first = Number(/^bytes=(\d+)-$/.exec(head.get('range') ?? '')?.[1] ?? 0);
      const status =
        first === 0 ? '200 OK' : `206 Partial Content\r\nContent-Range: bytes ${first}-${SIZE - 1}/${SIZE}`;
      await connection.write(`HTTP/1.1 ${status}\r\nContent-Length: ${SIZE - first}\r\n\r\n`);
      await connection.write(file.subarray(first, HALF));
      if (head.target === '/broken' && first === 0) return connection.end();
      if (head.target === '/held') await mayEnd.opened;
      await connection.write(file.subarray(Math.max(first, HALF)));
    }
  };

/** A gateway with one place, where a download of `/broken` has broken and another one holds the place. */
async function brokenAndFull(net: Network, limits: { transfers?: number; transfersPerClient?: number }) {
  const mayEnd = new Gate();
  const line = await throughGateway(net, serving(mayEnd), { limits });
  const broken = line.link('/broken');
  await line.client.get(broken);
  expect((await line.client.readResponse()).complete).toBe(false);
  await until(() => line.gateway.active === 0, 'the broken download was over');
  const holder = await net.client(line.running);
  await holder.get(line.link('/held'));
  expect((await holder.readHead()).status).toBe(200);
  const ask = async (link: string, ...lines: string[]) => {
    const client = await net.client(line.running);
    await client.get(link, lines);
    return client.readResponse();
  };
  return { ...line, broken, mayEnd, ask };
}

const REST = `Range: bytes=${HALF}-`;

describe.each([{ transfers: 1 }, { transfersPerClient: 1 }])('where limits are reached (%o)', (limits) => {
  test('a download that broke a moment ago may be continued, once [Sluiceway]', async ({ net }) => {
    const { ask, broken } = await brokenAndFull(net, limits);
    const rest = await ask(broken, REST);
    expect(rest.head.status).toBe(206);
    expect(rest.content.equals(file.subarray(HALF))).toBe(true);
    const again = await ask(broken, REST);
    expect([429, 503]).toContain(again.head.status);
    expect(Number(again.head.get('retry-after'))).toBeGreaterThan(2);
  });

  test('nothing else passes: not its beginning, and no rest of a file that did not break [Sluiceway]', async ({
    net,
  }) => {
    const { ask, broken, link } = await brokenAndFull(net, limits);
    for (const [target, lines] of [
      [broken, []],
      [broken, ['Range: bytes=0-']],
      [broken, ['Range: bytes=-5']],
      [link('/other'), [REST]],
    ] as const)
      expect([429, 503]).toContain((await ask(target, ...lines)).head.status);
    expect((await ask(broken, REST)).head.status).toBe(206);
  });
});

test('a download that broke more than a minute ago has lost its turn [Sluiceway]', async ({ net }) => {
  const time = new StoppedTime(net);
  const continuations = new Continuations(1, 1);
  continuations.ended('client', 'link', 'upstream_truncated');
  await time.pass(59_000);
  continuations.enter('client', 'link')?.();
  continuations.ended('client', 'link', 'client_aborted');
  await time.pass(61_000);
  expect(continuations.enter('client', 'link')).toBeNull();
});

test('no more downloads are continued at a time beyond the limits than may run [Sluiceway]', () => {
  const continuations = new Continuations(null, 2);
  for (const link of ['a', 'b', 'c']) continuations.ended('client', link, 'upstream_truncated');
  const release = continuations.enter('client', 'a');
  expect(continuations.enter('client', 'b')).not.toBeNull();
  expect(() => continuations.enter('client', 'c')).toThrow('downloads of one client');
  release?.();
  expect(continuations.enter('client', 'c')).not.toBeNull();
});

test('clients that are refused together are not told to come back together [Sluiceway]', async ({ net }) => {
  const { ask, link } = await brokenAndFull(net, { transfersPerClient: 1 });
  const told = new Set<string | undefined>();
  for (let i = 0; i < 60; i += 1) told.add((await ask(link('/x'))).head.get('retry-after'));
  expect(told.size).toBeGreaterThan(1);
});
