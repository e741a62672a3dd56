import { expect } from 'vitest';
import type { Ending } from './connection-end.js';
import { isSeeded, seededBytes } from './content.js';
import { Dice } from './dice.js';
import type { Network } from './fixture.js';
import { until } from './until.js';
import type { Wire } from './wire.js';

const SIZES = [0, 1, 1000, 70_000, 1_000_000, 6_000_000];

/** The behaviour of one side of a tunnel: it sends some bytes, then ends its side or breaks off. It has its own pace. */
interface Part {
  size: number;
  ends: 'end' | 'reset';
  pausesMs: number;
}

interface Plan {
  client: Part;
  origin: Part;
}

const drawPart = (dice: Dice): Part => ({
  size: dice.pick(SIZES),
  ends: dice.pick(['end', 'end', 'reset'] as const),
  pausesMs: dice.pick([0, 0, 5]),
});

interface Heard {
  bytes: number;
  right: boolean;
  ended: Ending | undefined;
}

/** Plays one side. Resolves with what arrived from the other side. */
async function play(wire: Wire, part: Part, mine: string, other: string): Promise<Heard> {
  const heard: Heard = { bytes: 0, right: true, ended: undefined };
  const reading = (async () => {
    for (let bytes = await wire.readSome(); bytes !== null; bytes = await wire.readSome()) {
      heard.right &&= isSeeded(other, heard.bytes, bytes);
      heard.bytes += bytes.length;
      if (part.pausesMs > 0 && heard.bytes % 7 === 0) await new Promise((r) => setTimeout(r, part.pausesMs));
    }
    heard.ended = wire.ending;
  })();
  await wire.write(seededBytes(mine, 0, part.size)).catch(() => {});
  wire[part.ends]();
  await reading;
  return heard;
}

/**
 * Opens `count` tunnels, some of which are broken off by either side. Fails if a side gets a wrong byte, if a tunnel that
 * is not broken off does not carry everything both ways and end on both sides, or if anything is left afterwards.
 */
export async function runTunnelChaos(
  net: Network,
  count: number,
  seed: number,
  parallel: number,
): Promise<void> {
  const dice = new Dice(seed);
  const heardByOrigin = new Map<string, Promise<Heard>>();
  const origin = await net.origin(async (connection) => {
    const { target } = await connection.readHead();
    const plan = JSON.parse(decodeURIComponent(target.slice(1))) as Plan;
    await connection.write('HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n');
    const heard = play(connection, plan.origin, 'down', 'up');
    heardByOrigin.set(target, heard);
    await heard;
  });
  const running = await net.proxy({ upstream: origin.url });
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      next += 1;
      const plan = { index: next, client: drawPart(dice), origin: drawPart(dice) };
      const target = `/${encodeURIComponent(JSON.stringify(plan))}`;
      const client = await net.client(running);
      await client.get(target, ['Connection: Upgrade', 'Upgrade: foo']);
      await client.readHead();
      const byClient = await play(client, plan.client, 'up', 'down');
      const byOrigin = await heardByOrigin.get(target);
      client.close();
      const told = JSON.stringify(plan);
      expect([byClient.right, byOrigin?.right], told).toEqual([true, true]);
      if (plan.client.ends === 'reset' || plan.origin.ends === 'reset') continue;
      expect(byClient, told).toMatchObject({ bytes: plan.origin.size, ended: 'fin' });
      expect(byOrigin, told).toMatchObject({ bytes: plan.client.size, ended: 'fin' });
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  await until(() => running.proxy.active === 0, 'no tunnel was left');
  await until(() => origin.open === 0 && running.open === 0, 'no socket was left');
}
