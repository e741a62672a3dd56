import { expect, vi } from 'vitest';
import { type Outcome, SluicewayError, type StreamFromOptions, streamFrom } from '../../src/index.js';
import type { DownstreamRequest } from '../../src/proxy/messages/downstream-request.js';
import type { SelectingTransfer, Selection, Selector } from '../../src/proxy/messages/selection.js';
import { resolveSelectedOptions } from '../../src/proxy/options/proxy-settings.js';
import { ReverseProxy } from '../../src/proxy/proxy.js';
import { toTarget } from '../../src/upstream/target.js';
import { type Network, test } from '../support/fixture.js';
import { problemsOf } from '../support/problems.js';
import { respondWith } from '../support/raw-origin.js';
import { startServer } from '../support/servers.js';
import { until } from '../support/until.js';

/** A proxy whose targets the given function selects. */
async function startSelecting(net: Network, select: Selector['select']) {
  const outcomes: Outcome[] = [];
  const proxy = new ReverseProxy(resolveSelectedOptions({}, 'test'), { select });
  const running = await startServer((request, response) => {
    void proxy.handle(request, response).then((outcome) => outcomes.push(outcome));
  });
  net.cleanup(() => proxy.destroy());
  net.cleanup(() => running.stop());
  return { proxy, outcomes, client: await net.client(running) };
}

const selectionOf = (url: string, more: Partial<Selection> = {}): Selection => ({
  target: toTarget(url),
  mirrors: [],
  joinedTo: null,
  ...more,
});

test('the methods of a selection may return promises, and are called in their order', async ({ net }) => {
  const origin = await net.origin(respondWith('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  const calls: string[] = [];
  const { client, outcomes } = await startSelecting(net, async () =>
    selectionOf(`${origin.url}/file`, {
      async check({ path }) {
        calls.push(`check ${path}`);
        return null;
      },
      async checkResponse({ status }, { headers }) {
        calls.push(`response ${status}`);
        headers.set('X-Checked', 'yes');
        return null;
      },
      contentLimits() {
        calls.push('limits');
        return { onContent: null, maxBytes: null, toTooLongError: () => new Error(), rate: null };
      },
      async end(outcome) {
        calls.push(`end ${outcome}`);
      },
    }),
  );
  await client.get('/asked');
  const response = await client.readResponse();
  expect(response.head.get('x-checked')).toBe('yes');
  expect(response.content.toString()).toBe('ok');
  await until(() => outcomes.length === 1, 'the transfer had ended');
  expect(calls).toEqual(['check /file', 'response 200', 'limits', 'end completed']);
});

test('a target that a check refuses later is not asked', async ({ net }) => {
  const origin = await net.origin(respondWith('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
  const { client } = await startSelecting(net, async () =>
    selectionOf(origin.url, {
      check: async () => new SluicewayError('destination_ip_prohibited', 'not there'),
    }),
  );
  await client.get('/');
  expect((await client.readResponse()).head.status).toBe(403);
  expect(origin.total).toBe(0);
});

test('a transfer has ended when its selection has, and what that rejects with is a warning', async ({
  net,
}) => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  net.cleanup(() => warned.mockRestore());
  const origin = await net.origin(respondWith('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  const ends: ((error: Error) => void)[] = [];
  const { proxy, client, outcomes } = await startSelecting(net, async () =>
    selectionOf(origin.url, {
      end: () => new Promise((_, reject) => ends.push(reject)),
    }),
  );
  await client.get('/');
  expect((await client.readResponse()).content.toString()).toBe('ok');
  await until(() => ends.length === 1, 'the end was told');
  expect(proxy.active).toBe(1);
  let hasClosed = false;
  const closed = proxy.close().then(() => {
    hasClosed = true;
  });
  expect(hasClosed).toBe(false);
  const failure = new Error('the store is gone');
  ends[0]?.(failure);
  await closed;
  expect(outcomes).toEqual(['completed']);
  expect(warned).toHaveBeenCalledWith(failure);
});

test('the signal of a selector is aborted when the client leaves, with the error as the reason', async ({
  net,
}) => {
  const signals: AbortSignal[] = [];
  const select = (_: DownstreamRequest, { signal }: SelectingTransfer) => {
    signals.push(signal);
    return new Promise<Selection>((__, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as SluicewayError));
    });
  };
  const { client, outcomes } = await startSelecting(net, select);
  await client.get('/');
  await until(() => signals.length === 1, 'the selector was asked');
  expect(signals[0]?.aborted).toBe(false);
  client.close();
  await until(() => outcomes.length === 1, 'the transfer had ended');
  expect(outcomes).toEqual(['client_aborted']);
  expect(signals[0]?.reason).toMatchObject({ code: 'client_aborted' });
});

test('a selection that comes when the client has left is ended, and nothing is asked for', async ({
  net,
}) => {
  const origin = await net.origin(respondWith('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
  const ended: Outcome[] = [];
  const waiting: { signal: AbortSignal; go: () => void }[] = [];
  const { client, outcomes } = await startSelecting(net, async (_, { signal }) => {
    await new Promise<void>((resolve) => waiting.push({ signal, go: resolve }));
    return selectionOf(origin.url, { end: (outcome) => void ended.push(outcome) });
  });
  await client.get('/');
  await until(() => waiting.length === 1, 'the selector was asked');
  client.close();
  await until(() => waiting[0]?.signal.aborted === true, 'the client was known to have left');
  waiting[0]?.go();
  await until(() => outcomes.length === 1, 'the transfer had ended');
  expect(ended).toEqual(['client_aborted']);
  expect(origin.total).toBe(0);
});

test('streamFrom refuses options that would select another target', () => {
  const call = (options: object) =>
    problemsOf(() => streamFrom(undefined as never, undefined as never, '', options as StreamFromOptions));
  expect(call({ onRequest: () => undefined })).toEqual([
    'onRequest cannot be given here: the URL of the call is the target',
  ]);
  expect(call({ upstream: 'http://origin.test' })).toEqual([
    'upstream cannot be given here: the URL of the call is the target',
  ]);
});
