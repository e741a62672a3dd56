import { readdirSync } from 'node:fs';
import { expect } from 'vitest';
import { seededBytes } from './content.js';
import type { Network } from './fixture.js';
import type { ProxyOptions } from './servers.js';
import { sized, through, toChunk } from './through.js';
import { until } from './until.js';

const HOWS = ['close', 'reset', 'end'] as const;
const PHASES = [
  'before the head',
  'in the content',
  'in the content, unread',
  'in the upload',
  'in a tunnel',
] as const;

type How = (typeof HOWS)[number];

/** A client that ends its side after its request may still wait for the response, so before the head it must reset. */
function howToLeave(phase: (typeof PHASES)[number], how: How): How {
  if (phase === 'before the head') return 'reset';
  return how === 'end' && phase.startsWith('in the content') ? 'close' : how;
}

/** Counts what this process holds: sockets of both sides, and file descriptors if the system provides them. */
export function held(): { sockets: number; descriptors: number } {
  const sockets = process.getActiveResourcesInfo().filter((name) => /TCP|TLS|Pipe/.test(name)).length;
  return { sockets, descriptors: process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0 };
}

/**
 * Lets `count` clients leave, one after the other, in every phase and every way. Fails unless each is recorded as an
 * abort, and the numbers of sockets and file descriptors return to their values from before.
 */
export async function runAborts(
  net: Network,
  count: number,
  options: Omit<ProxyOptions, 'upstream'> = {},
): Promise<void> {
  const { origin, running, client } = await through(
    net,
    async (connection) => {
      const head = await connection.readHead();
      if (head.target === '/whole') return connection.write(sized('whole'));
      if (head.target.startsWith('/before')) return void (await connection.closed);
      if (head.has('upgrade')) {
        await connection.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\nopen',
        );
        return void (await connection.readAll());
      }
      await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      const chunk = toChunk(seededBytes('aborts', 0, 100_000));
      while (connection.ending === undefined) await connection.write(chunk);
    },
    options,
  );
  const before = held();
  let wanted = 0;
  for (let i = 0; i < count; i += 1) {
    const phase = PHASES[i % PHASES.length] as (typeof PHASES)[number];
    const how = howToLeave(phase, HOWS[Math.floor(i / PHASES.length) % HOWS.length] as How);
    const leaving = await net.client(running);
    if (phase === 'in the upload')
      await leaving.send('POST /before HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\nhalf of it');
    else if (phase === 'in a tunnel') await leaving.get('/', ['Connection: Upgrade', 'Upgrade: foo']);
    else await leaving.get(phase === 'before the head' ? '/before' : '/');
    wanted += 1;
    await until(() => origin.total === wanted, 'the request had come');
    if (phase === 'in a tunnel' || phase.startsWith('in the content')) await leaving.readHead();
    if (phase === 'in the content') await leaving.readExactly(1 + ((i * 7919) % 300_000));
    if (phase === 'in the content, unread') leaving.pause();
    leaving[how]();
    if (how === 'end') void leaving.readUntilClose();
    await running.records(wanted);
    leaving.close();
  }
  for (const [index, { outcome }] of running.recorded.entries()) {
    const phase = PHASES[index % PHASES.length];
    // A tunnel completes if one side ends and then the other.
    const expected = phase === 'in a tunnel' ? ['client_aborted', 'completed'] : ['client_aborted'];
    expect(expected, `${index}: ${phase}`).toContain(outcome);
  }
  await until(() => running.proxy.active === 0, 'no transfer was left');
  await until(() => origin.open === 0 && running.open === 1, 'no socket was left on either side');
  await until(
    () => {
      const { sockets, descriptors } = held();
      return sockets <= before.sockets && descriptors <= before.descriptors;
    },
    `sockets and descriptors were back at ${JSON.stringify(before)}`,
  );
  // The proxy still works.
  await client.get('/whole');
  expect((await client.readResponse()).content.toString()).toBe('whole');
}
