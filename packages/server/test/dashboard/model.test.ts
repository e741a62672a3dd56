import { describe, expect, test } from 'vitest';
import type { LimitUseData, RuleData, TransferData } from '../../src/dashboard/contract.js';
import { EventParser } from '../../src/dashboard/event-stream.js';
import { fileNameOf, formatBytes, formatDuration, formatPercent } from '../../src/dashboard/format.js';
import { History } from '../../src/dashboard/history.js';
import { blockText, describeLimits, usesOf } from '../../src/dashboard/limit-wording.js';
import { everything, type Selection, select } from '../../src/dashboard/select.js';
import { TransferStore } from '../../src/dashboard/store.js';
import { bytesText, stateOf } from '../../src/dashboard/wording.js';

const transfer = (id: string, changes: Partial<TransferData> = {}): TransferData => ({
  id,
  requestId: id,
  route: 'files',
  client: '192.0.2.1',
  identity: null,
  method: 'GET',
  host: 'files.test',
  path: `/folder/${id}.bin`,
  httpVersion: '1.1',
  status: 200,
  upstream: 'http://10.0.0.1:9000',
  upstreamAddress: '10.0.0.1:9000',
  startedAt: `2026-12-01T00:00:0${id.length}.000Z`,
  durationMs: 0,
  bytesDown: 0,
  bytesUp: 0,
  responseLength: 1000,
  requestLength: null,
  rateDown: 0,
  rateUp: 0,
  etaMs: null,
  waitingFor: null,
  waitingMs: 0,
  attempts: 1,
  resumes: 0,
  resumedAt: [],
  zeroCopy: false,
  limit: null,
  link: null,
  worker: null,
  ...changes,
});

const ended = (id: string, outcome = 'completed') => ({
  id,
  outcome,
  status: 200,
  error: null,
  errorMessage: null,
  bytesDown: 1000,
  bytesUp: 0,
  durationMs: 5000,
  resumes: 0,
});

const storeOf = (...transfers: TransferData[]): TransferStore => {
  const store = new TransferStore();
  store.applySnapshot({ time: '', transfers }, 0);
  return store;
};

const namesOf = (store: TransferStore, selection: Partial<Selection>, now = 0): string[] =>
  select(store.items, { ...everything, ...selection }, now).map(({ data }) => data.id);

describe('the events of the server', () => {
  test('are read whole, wherever the stream is cut [WHATWG HTML 9.2]', () => {
    const text =
      'retry: 1000\n: comment\nid: 7\nevent: delta\ndata: {"a":\r\ndata: 1}\n\ndata: x\n\nevent: none\n\n';
    for (let cut = 0; cut <= text.length; cut++) {
      const parser = new EventParser();
      const events = [...parser.push(text.slice(0, cut)), ...parser.push(text.slice(cut))];
      expect(events).toEqual([
        { type: 'delta', data: '{"a":\n1}', id: '7' },
        { type: 'message', data: 'x', id: '7' },
      ]);
    }
  });

  test('no duration goes on while the connection is lost, until the next snapshot [Sluiceway]', () => {
    const store = storeOf(transfer('a'));
    expect(store.timeOf(1000)).toBe(1000);
    store.stop(2000);
    store.stop(3000);
    expect(store.timeOf(9000)).toBe(2000);
    store.applySnapshot({ time: '', transfers: [] }, 9000);
    expect(store.timeOf(9500)).toBe(9500);
  });

  test('change running transfers, and what ended stays visible for some seconds', () => {
    const store = storeOf(transfer('a'), transfer('b'));
    const changed = [
      { id: 'a', bytesDown: 500 },
      { id: 'gone', bytesDown: 1 },
    ];
    store.applyDelta({ time: '', started: [transfer('c')], changed, ended: [ended('b')] }, 100);
    expect(store.get('a')?.data.bytesDown).toBe(500);
    expect([store.running, store.size]).toEqual([2, 3]);
    expect(store.expire(5000)).toBe(false);
    expect(store.expire(6100)).toBe(true);
    expect([store.running, store.size, store.get('b')]).toEqual([2, 2, undefined]);
  });

  test('keep at most 200 ended transfers, whatever ends', () => {
    const ids = Array.from({ length: 1000 }, (_, i) => `t${i}`);
    const store = storeOf(...ids.map((id) => transfer(id)));
    store.applyDelta({ time: '', started: [], changed: [], ended: ids.map((id) => ended(id)) }, 0);
    expect([store.running, store.size]).toEqual([0, 200]);
  });

  test('of a new snapshot replace everything, as after a restart of the server', () => {
    const store = storeOf(transfer('old'));
    store.applySnapshot({ time: '', transfers: [transfer('new')] }, 0);
    expect([store.get('old'), store.running]).toEqual([undefined, 1]);
  });

  test('are not needed for durations: those go on by themselves', () => {
    const store = storeOf(
      transfer('a', { durationMs: 1000, waitingFor: 'client', waitingMs: 500, etaMs: 9000 }),
    );
    const [item] = store.items;
    if (item === undefined) throw new Error('there is no transfer');
    expect(stateOf(item, 100)).toEqual({ text: '9 s', since: 'running 1 s', tone: 'calm' });
    expect(stateOf(item, 3500)).toEqual({ text: 'Waits for client', since: 'for 4 s', tone: 'waiting' });
  });
});

describe('the table', () => {
  const store = storeOf(
    transfer('a', { client: '192.0.2.7', rateDown: 5, resumes: 1, path: '/x/%C3%9Cbersicht.pdf' }),
    transfer('bb', { rateDown: 50, waitingFor: 'upstream', waitingMs: 4000, route: 'other' }),
    transfer('ccc', { rateDown: 500, limit: 9, waitingFor: 'client', waitingMs: 10 }),
  );

  test.for([
    [{}, ['ccc', 'bb', 'a']],
    [{ sort: 'startedAt', direction: 'asc' }, ['a', 'bb', 'ccc']],
    [{ sort: 'rate', direction: 'desc' }, ['ccc', 'bb', 'a']],
    [{ sort: 'rate', direction: 'asc' }, ['a', 'bb', 'ccc']],
    // Without an end in sight, the newest is first.
    [{ sort: 'etaMs', direction: 'asc' }, ['ccc', 'bb', 'a']],
    [{ search: '192.0.2.7' }, ['a']],
    [{ search: 'übersicht GET' }, ['a']],
    [{ search: 'nothing' }, []],
    [{ route: 'other' }, ['bb']],
    [{ state: 'healed' }, ['a']],
    [{ state: 'limited' }, ['ccc']],
    [{ state: 'upstream' }, ['bb']],
    [{ state: 'flowing' }, ['ccc', 'a']],
  ] as const)('selects %j as %j', ([selection, expected]) => {
    expect(namesOf(store, selection)).toEqual(expected);
  });

  test('counts a wait only after a second, since healthy transfers wait for moments', () => {
    expect(namesOf(store, { state: 'client' }, 900)).toEqual([]);
    expect(namesOf(store, { state: 'client' }, 1000)).toEqual(['ccc']);
  });
});

test('the history counts what ended since the second before, and begins again after a restart', () => {
  const history = new History();
  const totals = (second: number, completed: number, upstream_stalled: number) => ({
    time: `2026-12-01T00:00:${String(second).padStart(2, '0')}.000Z`,
    rateDown: 1,
    rateUp: 0,
    running: 1,
    requests: 1,
    outcomes: { completed, upstream_stalled, client_aborted: 9 },
  });
  history.add(totals(1, 100, 10));
  history.add(totals(2, 103, 11));
  history.add(totals(3, 1, 0));
  history.add(totals(12, 3, 0));
  const [seconds, all, failed] = history.ended();
  expect([seconds.length, all.slice(-2), failed.slice(-2)]).toEqual([60, [4, 2], [1, 0]]);
  expect(history.span).toBe(120);
});

test('numbers are short, and never promise the end too early', () => {
  expect([0, 999, 1000, 1536, 10.25 * 2 ** 20, 5 * 2 ** 30].map(formatBytes)).toEqual([
    '0 B',
    '999 B',
    '0.98 KiB',
    '1.50 KiB',
    '10.3 MiB',
    '5.00 GiB',
  ]);
  expect([900, 59_600, 80_000, 3_600_000, 190_000_000].map(formatDuration)).toEqual([
    '1 s',
    '1 min',
    '1 min 20 s',
    '1 h',
    '2 d 4 h',
  ]);
  expect([0, 0.999, 1].map(formatPercent)).toEqual(['0 %', '99 %', '100 %']);
  const half = { bytesDown: 512 * 2 ** 20, responseLength: 2 ** 30 };
  expect(bytesText(transfer('a', half))).toBe('512 MiB of 1.00 GiB');
  expect(bytesText(transfer('a', { ...half, responseLength: null }))).toBe('512 MiB');
});

test.for([
  ['/a/b%20c.iso?x=1', 'b c.iso'],
  ['/a/', 'a'],
  ['/', '/'],
  ['/%zz', '%zz'],
] as const)('the name of %s is %s', ([path, name]) => {
  expect(fileNameOf(path)).toBe(name);
});

describe('the use of a limit', () => {
  const rule: RuleData = {
    route: 'files',
    name: 'clients',
    by: 'client',
    download: 2 * 2 ** 20,
    upload: null,
    transfers: 4,
    requests: { count: 100, perMs: 60_000 },
    bytes: { count: 2 ** 30, per: 'day' },
    queue: null,
    active: true,
    keys: 1,
  };
  const use: LimitUseData = {
    route: 'files',
    rule: 'clients',
    key: '192.0.2.1',
    transfers: 2,
    waiting: 0,
    rateDown: 3 * 2 ** 20,
    rateUp: 0,
    requests: 50,
    bytes: 2 ** 29,
    blockedUntil: null,
  };

  test('is compared with each limit that the rule has, and is never more than all of it [Sluiceway]', () => {
    expect(usesOf(use, rule)).toEqual([
      { name: 'Transfers', text: '2 of 4', fraction: 0.5 },
      { name: 'Down', text: '3.00 of 2.00 MiB/s', fraction: 1 },
      { name: 'Requests', text: '50 of 100', fraction: 0.5 },
      { name: 'Volume', text: '512 MiB of 1.00 GiB', fraction: 0.5 },
    ]);
    const none = { ...rule, download: null, transfers: null, requests: null, bytes: null };
    expect(usesOf({ ...use, requests: null, bytes: null, rateUp: 5 }, none)).toEqual([
      { name: 'Transfers', text: '2', fraction: null },
      { name: 'Down', text: '3.00 MiB/s', fraction: null },
    ]);
  });

  test('and the limits and blocks are told in words [Sluiceway]', () => {
    expect(describeLimits(rule)).toEqual([
      '2.00 MiB/s down',
      '4 transfers at a time',
      '100 requests per 1 min',
      '1.00 GiB per day',
    ]);
    const none = { download: null, upload: null, transfers: null, requests: null, bytes: null, queue: null };
    expect(describeLimits({ ...rule, ...none })).toEqual(['the rate of the link']);
    const now = Date.parse('2026-12-01T00:00:00.000Z');
    expect(blockText('2026-12-01T01:00:00.000Z', now)).toBe('for 1 h');
    expect(blockText('forever', now)).toBe('for good');
  });
});
