import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { throughGateway } from '../support/gateway.js';
import { respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

const STREAMS = 20;
/** Three pieces, and so two waits. */
const LENGTH = 60;

describe.for([
  ['HTTP/1.1', {}],
  ['HTTP/2', { http2: 'h2c' }],
] as const)('a link with a rate, over %s,', ([protocol, listen]) => {
  test("is never slow by anybody's fault: its streams wait longer for each other than either side may be silent [Sluiceway]", async ({
    net,
  }) => {
    const { link, running, records } = await throughGateway(
      net,
      respondWith(sized('x'.repeat(LENGTH))),
      // Each stream is served every 400 ms.
      { timeouts: { upstreamIdle: 150, clientIdle: 150 } },
      {},
      listen,
    );
    const target = link('/', { rate: '1KiB' });
    const session = protocol === 'HTTP/2' ? await net.http2(running) : null;
    const responses = await Promise.all(
      Array.from({ length: STREAMS }, async () => {
        if (session !== null) return session.get(target);
        const client = await net.client(running);
        await client.get(target);
        return client.readResponse();
      }),
    );
    expect(responses.every(({ complete, contentLength }) => complete && contentLength === LENGTH)).toBe(true);
    await until(() => records.length === STREAMS, 'all of them had ended');
    expect(new Set(records.map(({ outcome }) => outcome))).toEqual(new Set(['completed']));
  });

  test('ends visibly broken when it is stopped at once, and whole when it may finish [Sluiceway]', async ({
    net,
  }) => {
    for (const how of ['destroy', 'close'] as const) {
      let begun = false;
      const { link, running, gateway } = await throughGateway(
        net,
        respondWith(sized('x'.repeat(4000))),
        { observers: [{ onResponseContent: () => void (begun = true) }] },
        {},
        listen,
      );
      const ask = async () => {
        const target = link('/', { rate: 10_000 });
        if (protocol === 'HTTP/2') return (await net.http2(running)).get(target);
        const client = await net.client(running);
        await client.get(target);
        return client.readResponse();
      };
      const response = ask();
      await until(() => begun, 'the download was under way');
      if (how === 'destroy') gateway.destroy();
      else await gateway.close();
      expect((await response).complete).toBe(how === 'close');
      expect(gateway.active).toBe(0);
    }
  });
});
