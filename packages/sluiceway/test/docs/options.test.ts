import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { publicAddresses } from '../../src/net/address-policy.js';
import { Checker } from '../../src/options/checker.js';
import { createProxy } from '../../src/proxy/create-proxy.js';
import { attach } from '../../src/proxy/mount/attach.js';
import { type StreamFromOptions, streamFrom } from '../../src/proxy/mount/stream-from.js';
import { passThrough, thirdParty } from '../../src/proxy/options/profiles.js';
import { resolveProxyOptions } from '../../src/proxy/options/proxy-options.js';
import { parseBytes, parseDurationMs } from '../../src/units.js';
import type { TransportOptions } from '../../src/upstream/transport-options.js';
import { WireTransport } from '../../src/upstream/wire/wire-transport.js';
import { problemsOf } from '../support/problems.js';
import { bare, codesIn, readPage, tablesUnder, tableUnder } from './support/markdown.js';

const page = readPage('docs/options.md');

interface OptionRow {
  path: string;
  type: string;
  /** As it stands in the table, without backticks. */
  fallback: string;
}

const rows: OptionRow[] = tablesUnder(page, 'options')
  .flat()
  .map(([path = '', type = '', fallback = '']) => ({ path: bare(path), type, fallback: bare(fallback) }));

const upstream = { url: 'http://127.0.0.1:9', tls: {}, connections: {} };

/** Every path that the check of the options asks about, groups included. */
function acceptedPaths(): string[] {
  const unknownKeys = vi.spyOn(Checker.prototype, 'unknownKeys');
  onTestFinished(() => unknownKeys.mockRestore());
  resolveProxyOptions({
    upstream,
    fields: { request: {}, response: {}, cookies: {} },
    timeouts: {},
    limits: {},
    resume: {},
    digests: {},
  });
  const paths = unknownKeys.mock.calls.flatMap(([path, , known]) =>
    known.map((key) => (path === '' ? key : `${path}.${key}`)),
  );
  return paths;
}

/** Without those that others are part of. */
const leaves = (paths: readonly string[]): string[] =>
  [...new Set(paths)].filter((path) => !paths.some((other) => other.startsWith(`${path}.`))).toSorted();

test('every option is documented, and every documented option exists', () => {
  expect(leaves(rows.map(({ path }) => path))).toEqual(leaves(acceptedPaths()));
});

test('no documented option is refused as unknown', () => {
  for (const { path } of rows) {
    const options: Record<string, unknown> = {};
    let group = options;
    const keys = path.split('.');
    for (const key of keys.slice(0, -1)) {
      const inner: Record<string, unknown> = {};
      group[key] = inner;
      group = inner;
    }
    group[keys.at(-1) as string] = undefined;
    const problems = problemsOf(() => resolveProxyOptions(options));
    expect(problems.filter((problem) => problem.includes('is not an option'))).toEqual([]);
  }
});

/** What is in force where an option is not given, by its path. */
function resolvedDefaults(): Record<string, unknown> {
  let wire: TransportOptions = {};
  let protocol = '';
  const settings = resolveProxyOptions({ upstream }, 'test', (options, given) => {
    wire = options;
    protocol = given;
    return new WireTransport(options);
  });
  const { timeouts, profile, fields, resume, digests } = settings;
  const { cookies } = resolveProxyOptions({ upstream, fields: { cookies: {} } }).fields;
  return {
    profile: `'${profile.name}'`,
    addresses: wire.policy === publicAddresses ? "'public'" : "'any'",
    convertHead: `'${settings.convertHead}'`,
    errors: settings.throwsErrors ? "'throw'" : "'answer'",
    'fields.host': `'${fields.host}'`,
    'fields.cookies': fields.cookies === null ? "'pass'" : "'remove'",
    'fields.cookies.secure': typeof cookies === 'object' ? `'${cookies?.secure}'` : null,
    'fields.destination': fields.rewritesDestination ? "'rewrite'" : "'pass'",
    'fields.forwarded.port': String(fields.forwarded.port),
    'fields.forwarded.prefix': String(fields.forwarded.prefix),
    'fields.location': fields.rewritesLocation ? "'rewrite'" : "'pass'",
    'digests.verify': String(digests.verifies),
    'digests.ranges': digests.relaysParts ? "'unverified'" : "'whole'",
    'digests.trailer': String(digests.sendsTrailer),
    'upstream.protocol': `'${protocol}'`,
    'upstream.connections.max': wire.maxConnections,
    'upstream.connections.maxQueued': wire.maxQueued,
    'upstream.connections.idleTimeout': wire.idleTimeoutMs,
    'upstream.connections.maxIdle': wire.maxIdleConnections,
    'timeouts.connect': wire.connectTimeoutMs,
    'timeouts.responseHead': timeouts.responseHeadMs,
    'timeouts.upstreamIdle': timeouts.upstreamIdleMs,
    'timeouts.clientIdle': timeouts.clientIdleMs,
    'timeouts.tunnelIdle': timeouts.tunnelIdleMs,
    'timeouts.tunnelDrain': settings.tunnelDrainMs,
    'timeouts.total': timeouts.totalMs,
    resume: String(resume !== null),
    'resume.attempts': resume?.attempts,
    'resume.timeout': resume?.timeoutMs,
    'resume.proof': resume === null ? null : `'${resume.proof}'`,
    'limits.minRate': timeouts.minRate,
    'limits.requestContent': settings.maxRequestContent,
    'limits.responseHead': wire.maxHeadBytes,
    'limits.responseFields': wire.maxHeadFields,
  };
}

function readDefault({ type, fallback }: OptionRow): unknown {
  if (type === 'duration') return parseDurationMs(fallback);
  if (type === 'size') return parseBytes(fallback);
  if (type === 'number') return fallback === 'unlimited' ? Number.POSITIVE_INFINITY : Number(fallback);
  return fallback;
}

test('every documented default is the one in force', () => {
  const defaults = resolvedDefaults();
  const documented = rows.filter(({ path }) => path in defaults);
  expect(documented).toHaveLength(Object.keys(defaults).length);
  expect(Object.fromEntries(documented.map((row) => [row.path, readDefault(row)]))).toEqual(defaults);
  const others = rows.filter(({ path }) => !(path in defaults)).map(({ fallback }) => fallback);
  expect(new Set(others)).toEqual(new Set(['none', 'random', '', 'built in', "Node's", "the URL's"]));
});

describe('streamFrom', () => {
  const call = (options: object) => problemsOf(() => callStreamFrom(options));
  const callStreamFrom = (options: StreamFromOptions) =>
    streamFrom({} as IncomingMessage, {} as ServerResponse, 'http://127.0.0.1:9', options);

  test('takes the options of its table', () => {
    const [, tls = []] = tableUnder(page, 'streamFrom');
    expect(tableUnder(page, 'streamFrom').map(([name = '']) => bare(name))).toEqual([
      'profile',
      'tls',
      'proxy',
      'protocol',
      'digest',
    ]);
    const parts = codesIn(tls[3] ?? '').filter((code) => !/[.:]/.test(code));
    expect(parts).toEqual(['ca', 'cert', 'key', 'servername']);
    const options = { tls: Object.fromEntries(parts.map((part) => [part, undefined])), unknown: 1 };
    expect(call({ profile: 'thirdParty', ...options })).toEqual(['unknown is not an option']);
    expect(call({ tls: { unknown: 1 } })).toEqual(['upstream.tls.unknown is not an option']);
  });
});

describe('profiles', () => {
  const table = tableUnder(page, 'profiles').slice(1);
  const describeValue = (value: unknown): string => {
    if (value === 'all') return 'all end-to-end fields';
    if (value instanceof Set) return 'the ones below';
    if (Array.isArray(value)) return value.join(', ');
    if (typeof value === 'boolean') return value ? 'yes' : 'no';
    if (typeof value === 'object' && value !== null) {
      return (
        Object.entries(value)
          .map(([name, text]) => `\`${name}: ${text}\``)
          .join(', ') || 'none'
      );
    }
    return String(value);
  };

  test.for([
    ['passThrough', passThrough, 1],
    ['thirdParty', thirdParty, 2],
  ] as const)('%s is as documented', ([, profile, column]) => {
    const { name: _, ...actual } = profile;
    const documented = Object.fromEntries(
      table.map((row) => [
        bare(row[0] ?? ''),
        (row[column] ?? '').replace(/^any but.*|: passed on.*/, (text) =>
          text.startsWith('any') ? 'any' : '',
        ),
      ]),
    );
    expect(documented).toEqual(
      Object.fromEntries(Object.entries(actual).map(([key, value]) => [key, describeValue(value)])),
    );
  });

  test('the fields that pass under thirdParty are all named', () => {
    const text = page.lines.join(' ');
    const named = (from: string, to: string) => {
      const part = text.slice(text.indexOf(from) + from.length).split(to, 1)[0] ?? '';
      return new Set(codesIn(part).map((name) => name.toLowerCase()));
    };
    expect(named('the other server gets', 'and no more')).toEqual(thirdParty.requestFields);
    expect(named('The client gets', ': what describes')).toEqual(thirdParty.responseFields);
  });
});

test('attach sets what its table says, and listens to what the text says', () => {
  const server = createServer();
  const before: Record<string, unknown> = Object.fromEntries(Object.entries(server));
  const eventsBefore = server.eventNames();
  attach(server, createProxy({ upstream: 'http://127.0.0.1:9' }));
  const after = server as unknown as Record<string, unknown>;
  const documented = tableUnder(page, 'attach').map(([name = '', , value = '']) => [
    bare(name),
    Number(bare(value)),
  ]);
  expect(documented.map(([name]) => [name, after[name as string]])).toEqual(documented);
  const changed = Object.keys(before).filter(
    (name) => !name.startsWith('_') && typeof after[name] === 'number' && after[name] !== before[name],
  );
  expect(documented.map(([name]) => name)).toEqual(expect.arrayContaining(changed));
  const text = page.lines.join(' ');
  const events = codesIn(
    text.slice(text.indexOf('the events `request`'), text.indexOf('It also sets the limits')),
  );
  const listened = server.eventNames().filter((name) => !eventsBefore.includes(name) || name === 'request');
  expect(new Set(events.filter((event) => !event.includes(' ')))).toEqual(new Set(listened));
});
