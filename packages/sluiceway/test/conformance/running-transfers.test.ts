import { describe, expect } from 'vitest';
import {
  createStreamer,
  type Observer,
  OptionsError,
  type ReverseProxy,
  type RunningTransfer,
  type TransferChanges,
} from '../../src/index.js';
import { TAIL_BYTES } from '../../src/upstream/resume/delivered-tail.js';
import { seededBytes } from '../support/content.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { rangedOrigin } from '../support/ranged-origin.js';
import type { OriginScript } from '../support/raw-origin.js';
import { through } from '../support/through.js';
import { until } from '../support/until.js';

/** Sends half of ten bytes, and the rest when the gate opens. */
const halves =
  (more: Gate): OriginScript =>
  async (connection) => {
    for (;;) {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345');
      await more.opened;
      await connection.write('67890');
    }
  };

const only = (proxy: Pick<ReverseProxy, 'transfers'>): RunningTransfer => {
  const [transfer] = proxy.transfers();
  if (transfer === undefined) throw new Error('no transfer is running');
  return transfer;
};

describe('a running transfer', () => {
  test('shows when it began, how long it takes, and its rate [Envoy]', async ({ net }) => {
    const more = new Gate();
    const before = Date.now();
    const { client, running } = await through(net, halves(more));
    await client.get('/file');
    await client.readHead();
    await client.readExactly(5);
    const transfer = only(running.proxy);
    await until(() => transfer.durationMs > 250, 'its rate could be measured');
    expect(Date.parse(transfer.time)).toBeGreaterThanOrEqual(before);
    expect(transfer.rateDown).toBeGreaterThan(0);
    expect(transfer.rateDown).toBeLessThan(21);
    expect(transfer.etaMs).toBe(Math.round(5000 / transfer.rateDown));
    expect(transfer.rateUp).toBe(0);
    expect(transfer.resumedAt).toEqual([]);
    more.open();
    await running.record();
  });

  test.for([
    { what: 'the head', head: '' },
    { what: 'content', head: 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345' },
  ])('waits for the origin server while $what does not come [Sluiceway]', async ({ head }, { net }) => {
    const end = new Gate();
    const { client, running } = await through(net, async (connection) => {
      await connection.readHead();
      if (head !== '') await connection.write(head);
      await end.opened;
    });
    await client.get('/file');
    await until(() => running.proxy.transfers()[0]?.waitingFor === 'upstream', 'it waited');
    const transfer = only(running.proxy);
    await until(() => transfer.waitingMs > 50, 'it had waited for a while');
    expect(transfer.waitingMs).toBeLessThanOrEqual(transfer.durationMs);
    transfer.abort();
    end.open();
  });

  test('waits for a client that does not read, and for one that does not send [Sluiceway]', async ({
    net,
  }) => {
    const content = seededBytes('unread', 0, 16 * 1024 * 1024);
    const { client, running } = await through(
      net,
      rangedOrigin(content, () => 'whole'),
    );
    await client.get('/file');
    await until(() => running.proxy.transfers()[0]?.waitingFor === 'client', 'it waited for the reader');
    only(running.proxy).abort();
    await running.record();
    const second = await net.client(running);
    await second.send('POST /file HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\n12');
    await until(() => running.proxy.transfers()[0]?.waitingFor === 'client', 'it waited for the sender');
    expect(only(running.proxy)).toMatchObject({ requestLength: 5, bytesUp: 2 });
    only(running.proxy).abort();
  });

  test('waits for the access policy, and for nothing afterwards [Sluiceway]', async ({ net }) => {
    const decided = new Gate();
    const more = new Gate();
    const { client, running } = await through(net, halves(more), {
      access: async () => {
        await decided.opened;
        return { allowed: true };
      },
    });
    await client.get('/file');
    await until(() => running.proxy.transfers()[0]?.waitingFor === 'access', 'the policy was asked');
    decided.open();
    await client.readHead();
    expect(only(running.proxy).waitingFor).not.toBe('access');
    more.open();
    await running.record();
  });

  test('has the offsets at which its content was continued [Sluiceway]', async ({ net }) => {
    const content = seededBytes('healed', 0, 300_000);
    const asked: number[] = [];
    let transfer: RunningTransfer | undefined;
    const { client, running } = await through(
      net,
      rangedOrigin(content, ({ index, first }) => {
        asked.push(first);
        transfer ??= only(running.proxy);
        return index < 2 ? { bytes: 80_000, ending: 'reset' } : 'whole';
      }),
    );
    await client.get('/file');
    expect((await client.readResponse()).content.equals(content)).toBe(true);
    await running.record();
    expect(asked).toHaveLength(3);
    // Each request begins earlier, to compare the last bytes that the client has.
    expect(transfer?.resumedAt).toEqual(asked.slice(1).map((first) => first + TAIL_BYTES));
  });
});

describe('abort of a running transfer', () => {
  test('breaks the response off, and names the operator and the reason in the record [Sluiceway]', async ({
    net,
  }) => {
    const { client, running } = await through(net, halves(new Gate()));
    await client.get('/file');
    await client.readHead();
    await client.readExactly(5);
    only(running.proxy).abort('disk of\r\nserver 3 is full, see http://wiki.test/a?token=secret1');
    expect(['reset', 'fin']).toContain(await client.closed);
    const record = await running.record();
    expect(record).toMatchObject({
      outcome: 'shutdown',
      error: 'aborted_by_operator',
      status: 200,
      errorMessage: 'An operator aborted the transfer: disk of server 3 is full, see http://wiki.test/…',
    });
  });

  test('is answered with 503 before the head, and the client does not learn the reason [Sluiceway]', async ({
    net,
  }) => {
    const { client, running } = await through(net, async (connection) => {
      await connection.readHead();
      await new Promise(() => {});
    });
    await client.get('/file');
    await until(() => running.proxy.transfers()[0]?.waitingFor === 'upstream', 'it waited for the head');
    only(running.proxy).abort('internal host 10.0.0.7');
    const { head, content } = await client.readResponse();
    expect(head.status).toBe(503);
    expect(head.get('proxy-status')).toContain('aborted_by_operator');
    expect(content.toString()).not.toContain('10.0.0.7');
    expect(await running.record()).toMatchObject({ status: 503, outcome: 'shutdown' });
  });

  test('of content that could be continued is not healed [Sluiceway]', async ({ net }) => {
    const content = seededBytes('aborted', 0, 200_000);
    let requests = 0;
    const { client, running } = await through(
      net,
      rangedOrigin(content, ({ index }) => {
        requests = index + 1;
        return { bytes: 100_000, ending: 'stall' };
      }),
    );
    await client.get('/file');
    await until(() => running.proxy.transfers()[0]?.bytesDown === 100_000, 'half of it was sent');
    only(running.proxy).abort();
    const { complete } = await client.readResponse();
    expect(complete).toBe(false);
    expect(await running.record()).toMatchObject({ error: 'aborted_by_operator', resumes: 0 });
    expect(requests).toBe(1);
  });

  test('closes a tunnel [Sluiceway]', async ({ net }) => {
    const { client, running } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n',
      );
      await new Promise(() => {});
    });
    await client.get('/tunnel', ['Connection: Upgrade', 'Upgrade: test']);
    expect((await client.readHead()).status).toBe(101);
    await until(() => running.proxy.transfers()[0]?.status === 101, 'the tunnel was open');
    expect(only(running.proxy).waitingFor).toBe(null);
    only(running.proxy).abort();
    await client.closed;
    expect(await running.record()).toMatchObject({ outcome: 'shutdown', error: 'aborted_by_operator' });
  });
});

describe('watch', () => {
  /** Everything that a watcher was told. */
  const watch = (proxy: Pick<ReverseProxy, 'watch'>) => {
    const told: TransferChanges[] = [];
    const stop = proxy.watch({ interval: 10 }, (changes) => void told.push(changes));
    return { told, stop };
  };

  test('tells what runs, what changes and what ends, and nothing else [Sluiceway]', async ({ net }) => {
    const more = new Gate();
    const { client, running } = await through(net, halves(more));
    await client.get('/file');
    await client.readHead();
    await client.readExactly(5);
    const { told, stop } = watch(running.proxy);
    await until(() => told.length > 0, 'the running transfer was told');
    expect(told[0]).toMatchObject({ started: [{ path: '/file', bytesDown: 5 }], changed: [], ended: [] });
    more.open();
    await until(() => told.some(({ ended }) => ended.length > 0), 'its end was told');
    expect(told.at(-1)?.ended).toMatchObject([{ path: '/file', bytesDown: 10, outcome: 'completed' }]);
    stop();
    const calls = told.length;
    await client.get('/again');
    await running.record(1);
    expect(told).toHaveLength(calls);
  });

  test('tells the end only of transfers whose beginning it told [Sluiceway]', async ({ net }) => {
    const more = new Gate();
    const { client, running } = await through(net, halves(more));
    const told: TransferChanges[] = [];
    net.cleanup(running.proxy.watch({ interval: '1h' }, (changes) => void told.push(changes)));
    more.open();
    await client.get('/short');
    await client.readResponse();
    await running.record();
    expect(told.flatMap(({ ended }) => ended)).toEqual([]);
  });

  test('continues after a listener has thrown, which is a warning [Node]', async ({ net }) => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    net.cleanup(() => process.off('warning', onWarning));
    const more = new Gate();
    const { client, running } = await through(net, halves(more));
    let calls = 0;
    net.cleanup(
      running.proxy.watch({ interval: 10 }, () => {
        calls += 1;
        throw new Error('listener of a watch');
      }),
    );
    await client.get('/file');
    await until(() => calls === 1, 'the beginning was told');
    more.open();
    await until(() => calls > 1, 'more was told');
    await until(() => warnings.length > 1, 'both warnings had come');
    expect(warnings.map(({ message }) => message)).toContain('listener of a watch');
  });

  test('refuses an interval that is no duration, or too short [Sluiceway]', async ({ net }) => {
    const { running } = await through(net, () => {});
    const streamer = createStreamer();
    for (const interval of ['fast', 5, '30d'])
      for (const each of [running.proxy, streamer])
        expect(() => each.watch({ interval }, () => {})).toThrow(OptionsError);
    streamer.destroy();
  });
});

test('an observer that steers nothing is an observer of earlier versions [Sluiceway]', async ({ net }) => {
  const seen: string[] = [];
  const observer: Observer = { onTransferStart: ({ id }) => void seen.push(id) };
  const more = new Gate();
  const { client, running } = await through(net, halves(more), { observers: [observer] });
  await client.get('/file');
  await client.readHead();
  expect(running.proxy.transfers().map(({ id }) => id)).toEqual(seen);
  more.open();
  await running.record();
});
