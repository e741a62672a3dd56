import { createServer } from 'node:http';
import { describe, expect, test } from 'vitest';
import { formatComments } from '../../../../scripts/options/comments.mjs';
import { formatTables, pages } from '../../../../scripts/options/tables.mjs';
import { configMembers } from '../../../server/src/config/options.js';
import { publicAddressesOfOthers } from '../../src/net/own-listeners.js';
import { Checker } from '../../src/options/checker.js';
import { listOptions } from '../../src/options/composites.js';
import { type AnySpec, OFF } from '../../src/options/spec.js';
import { documentedOptions, proxyOptions } from '../../src/options.js';
import { createProxy } from '../../src/proxy/create-proxy.js';
import { attach } from '../../src/proxy/mount/attach.js';
import { createStreamer } from '../../src/proxy/mount/streamer.js';
import { resolveStreamerOptions, streamerOwnOptions } from '../../src/proxy/mount/streamer-options.js';
import { resolveGroupOptions } from '../../src/proxy/options/group-options.js';
import { passThrough, thirdParty } from '../../src/proxy/options/profiles.js';
import { resolveProxyOptions } from '../../src/proxy/options/proxy-settings.js';
import { parseBytes, parseDurationMs } from '../../src/units.js';
import { roundRobin } from '../../src/upstream/group/choose/round-robin.js';
import type { TransportOptions } from '../../src/upstream/transport-options.js';
import { WireTransport } from '../../src/upstream/wire/wire-transport.js';
import { problemsOf } from '../support/problems.js';
import { bare, codesIn, readPage, repositoryRoot, tableUnder } from './support/markdown.js';

const page = readPage('docs/options.md');

/** Of the library and of the program. */
const roots = { ...documentedOptions, config: configMembers };

const upstream = { url: 'http://127.0.0.1:9', tls: {}, connections: {} };

test('the tables of options are what the descriptions say', () => {
  for (const path of pages) {
    const text = readPage(path).lines.join('\n');
    expect(formatTables(text, roots), `${path}: run npm run options`).toBe(text);
  }
});

test('the comments of options in the sources are what the descriptions say', () => {
  const comments = formatComments(repositoryRoot, documentedOptions, listOptions);
  expect(comments.size).toBeGreaterThan(5);
  for (const [path, text] of comments)
    expect(text, `${path}: run npm run options`).toBe(readPage(path).lines.join('\n'));
});

test('every option is in a table, or has its members in one', () => {
  const rows = pages.flatMap((path) =>
    readPage(path).lines.flatMap((line) => /^\| `([\w.]+)` \|/.exec(line)?.[1] ?? []),
  );
  for (const [root, members] of Object.entries(documentedOptions)) {
    const paths = listOptions(members).map(({ path }) => path);
    const isListed = (path: string) =>
      rows.includes(path) || paths.some((other) => other.startsWith(`${path}.`) && rows.includes(other));
    expect(
      paths.filter((path) => !isListed(path)),
      root,
    ).toEqual([]);
  }
});

test('every option is described by whole sentences', () => {
  for (const { path, spec } of Object.values(roots).flatMap((members) => listOptions(members)))
    expect(spec.doc, path).toMatch(/^[[A-Z`'].*\.$/);
});

test('no described option is refused as unknown', () => {
  for (const { path } of listOptions(proxyOptions)) {
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
  const { timeouts, profile, headers, resume, digests } = settings;
  const { cookies } = resolveProxyOptions({ upstream, headers: { cookies: {} } }).headers;
  const { requestId } = resolveProxyOptions({ upstream, requestId: true });
  return {
    profile: `'${profile.name}'`,
    addresses: wire.policy === publicAddressesOfOthers ? "'public'" : "'any'",
    convertHead: `'${settings.convertHead}'`,
    archiveCoding: settings.removesArchiveCoding ? "'remove'" : "'pass'",
    acceptEncoding: `'${settings.acceptEncoding}'`,
    breakOff: `'${settings.breakOff}'`,
    interimResponses: `'${settings.interimResponses}'`,
    zeroCopy: String(settings.zeroCopy),
    errors: settings.throwsErrors ? "'throw'" : "'answer'",
    'headers.host': `'${headers.host}'`,
    'headers.cookies': headers.cookies === null ? "'pass'" : "'remove'",
    'headers.cookies.secure': typeof cookies === 'object' ? `'${cookies?.secure}'` : null,
    'headers.destination': headers.rewritesDestination ? "'rewrite'" : "'pass'",
    'headers.forwarded.port': String(headers.forwarded.port),
    'headers.forwarded.prefix': String(headers.forwarded.prefix),
    'headers.location': headers.rewritesLocation ? "'rewrite'" : "'pass'",
    'digests.verify': String(digests.verifies),
    'digests.requests': String(digests.verifiesRequests),
    'digests.ranges': digests.relaysParts ? "'unverified'" : "'whole'",
    'digests.trailer': String(digests.sendsTrailer),
    requestId: String(settings.requestId !== null),
    'requestId.field': requestId?.field,
    'requestId.toUpstream': String(requestId?.toUpstream),
    'requestId.toClient': String(requestId?.toClient),
    'digests.sidecar.missing': digests.sidecarIsRequired ? "'refuse'" : "'ignore'",
    'digests.sidecar.timeout': digests.sidecarLimits.timeoutMs,
    'digests.sidecar.cacheFor': digests.sidecarLimits.cacheMs,
    'upstream.protocol': `'${protocol}'`,
    'upstream.connections.max': wire.maxConnections === Number.POSITIVE_INFINITY ? OFF : wire.maxConnections,
    'upstream.connections.maxQueued': wire.maxQueued,
    'upstream.connections.idleTimeout': wire.idleTimeoutMs,
    'upstream.connections.maxIdle': wire.maxIdleConnections,
    ...balancingDefaults(),
    'timeouts.connect': wire.connectTimeoutMs,
    'timeouts.responseHead': timeouts.responseHeadMs,
    'timeouts.upstreamIdle': timeouts.upstreamIdleMs,
    'timeouts.clientIdle': timeouts.clientIdleMs,
    'timeouts.tunnelIdle': timeouts.tunnelIdleMs,
    'timeouts.tunnelDrain': settings.tunnelDrainMs,
    'timeouts.total': orOff(timeouts.totalMs),
    resume: String(resume !== null),
    verifyIfRange: String(settings.verifiesIfRange),
    'resume.attempts': resume?.attempts,
    'resume.timeout': resume?.timeoutMs,
    'resume.hedgeAfter': orOff(timeouts.silenceMs),
    'resume.proof': resume === null ? null : `'${resume.proof}'`,
    'limits.minRate': orOff(timeouts.minRate),
    'limits.requestContent': settings.maxRequestContent ?? OFF,
    'limits.responseContent': settings.maxResponseContent ?? OFF,
    'limits.responseHead': wire.maxHeadBytes,
    'limits.responseHeaders': wire.maxHeadFields,
  };
}

function balancingDefaults(): Record<string, unknown> {
  const { choose, retry, passive, health, move, slowStartMs, triesWhenDown, queue, breaker, sticky, hedge } =
    resolveGroupOptions({
      servers: [upstream.url],
      health: {},
      breaker: {},
      sticky: {},
    }).settings;
  const expects = [199, 200, 399, 400].map((status) => health?.isExpected(status));
  const { max, statuses, maxContent, budget } = retry;
  return {
    'upstream.balance': choose === roundRobin ? "'round-robin'" : null,
    'upstream.retry.max': max,
    'upstream.retry.maxConcurrent': retry.maxConcurrent ?? OFF,
    'upstream.retry.statuses': [...statuses].join(', '),
    'upstream.retry.maxContent': maxContent,
    'upstream.retry.budget.percent': budget.share * 100,
    'upstream.retry.budget.minPerSecond': budget.minPerSecond,
    'upstream.passive.failures': passive.failures,
    'upstream.passive.statuses': [...passive.statuses].join(', '),
    'upstream.passive.failurePercent': (passive.failureShare ?? 0) * 100,
    'upstream.passive.slowHead': passive.slowHead ?? OFF,
    'upstream.passive.slowRate': passive.slowRate ?? OFF,
    'upstream.passive.minRequests': passive.minRequests,
    'upstream.passive.window': passive.windowMs,
    'upstream.passive.ejectFor': passive.ejectMs,
    'upstream.passive.maxEjectFor': passive.maxEjectMs,
    'upstream.passive.maxEjected': passive.maxShare * 100,
    'upstream.health.check': health?.path === null ? "'tcp'" : "'http'",
    'upstream.health.path': health?.path,
    'upstream.health.port': health?.port === undefined ? 'that of the server' : null,
    'upstream.health.statuses': String(expects) === 'false,true,true,false' ? 'any from 200 to 399' : null,
    'upstream.health.interval': health?.intervalMs,
    'upstream.health.timeout': health?.timeoutMs,
    'upstream.health.rise': health?.rise,
    'upstream.health.fall': health?.fall,
    'upstream.move.below': (move.share ?? 0) * 100,
    'upstream.move.after': move.afterMs,
    'upstream.retry.connectTimeout': retry.connectTimeoutMs,
    'upstream.hedge.after': hedge.head ?? 'off',
    'upstream.hedge.connect': hedge.connectMs,
    'upstream.queue.max': queue.max,
    'upstream.queue.timeout': queue.timeoutMs,
    'upstream.breaker.failurePercent': (breaker?.failureShare ?? 0) * 100,
    'upstream.breaker.minRequests': breaker?.minRequests,
    'upstream.breaker.window': breaker?.windowMs,
    'upstream.breaker.openFor': breaker?.openMs,
    'upstream.sticky.cookie': sticky?.cookie,
    'upstream.sticky.secret': sticky?.secret instanceof Uint8Array ? 'random' : null,
    'upstream.sticky.path': sticky?.path,
    'upstream.sticky.sameSite': `'${sticky?.sameSite}'`,
    'upstream.slowStart': orOff(slowStartMs),
    'upstream.whenDown': triesWhenDown ? "'try'" : "'refuse'",
  };
}

/** Inside, no limit is 0. */
const orOff = (limit: number): number | typeof OFF => (limit === 0 ? OFF : limit);

function readDefault({ kind, off, default: value, defaultText }: AnySpec): unknown {
  if (off && value === OFF) return OFF;
  if (kind === 'duration') return parseDurationMs(value as string | number);
  if (kind === 'size') return parseBytes(value as string | number);
  if (kind === 'integer') return value ?? bare(defaultText);
  return bare(defaultText);
}

test('every described default is the one in force', () => {
  const defaults = resolvedDefaults();
  const described = listOptions(proxyOptions).filter(({ path }) => path in defaults);
  expect(described).toHaveLength(Object.keys(defaults).length);
  expect(Object.fromEntries(described.map(({ path, spec }) => [path, readDefault(spec)]))).toEqual(defaults);
  const others = listOptions(proxyOptions)
    .filter(({ path }) => !(path in defaults))
    .map(({ spec }) => spec.defaultText);
  expect(new Set(others)).toEqual(
    new Set([
      'none',
      'random',
      '',
      'built in',
      "Node's",
      "the URL's",
      '`24h`',
      '`GET`, `HEAD`',
      '`false`',
      "`'path'`",
    ]),
  );
});

describe('streamFrom', () => {
  const check = (options: object) => problemsOf(() => createStreamer(options));

  test('takes the options of its table', () => {
    const named = tableUnder(page, 'options: streamFrom').map(([name = '']) => bare(name));
    expect(named).toEqual(Object.keys(streamerOwnOptions));
    expect(check(Object.fromEntries(named.map((name) => [name, undefined])))).toEqual([]);
  });

  test('describes the defaults in force', () => {
    const { settings } = resolveStreamerOptions({}, new Checker('test'));
    expect(settings).toMatchObject({ profile: thirdParty, convertHead: 'fallback', throwsErrors: false });
    const defaults = Object.fromEntries(
      listOptions(streamerOwnOptions).map(({ path, spec }) => [path, spec.defaultText]),
    );
    expect(defaults).toMatchObject({
      profile: "`'thirdParty'`",
      addresses: `\`'${thirdParty.addresses}'\``,
      convertHead: "`'fallback'`",
      protocol: "`'http1'`",
    });
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
    expect(named('the other server gets', 'and no more')).toEqual(thirdParty.requestHeaders);
    expect(named('The client gets', ': what describes')).toEqual(thirdParty.responseHeaders);
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
