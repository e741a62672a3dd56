import { randomBytes } from 'node:crypto';
import type { AccessPolicy } from '../../access/policy.js';
import type { Digest } from '../../http/digest.js';
import { isToken } from '../../http/fields.js';
import type { BaseTarget } from '../../http/target.js';
import { anyAddress } from '../../net/address-policy.js';
import { type ListenerAddress, processListeners, publicAddressesOfOthers } from '../../net/own-listeners.js';
import type { TrustedPeers } from '../../net/trusted-peers.js';
import { Checker } from '../../options/checker.js';
import type { TimeoutSettings } from '../../stream/timeouts.js';
import type { Duration, Size } from '../../units.js';
import type { HeadConversion } from '../../upstream/convert-head.js';
import { createTransport } from '../../upstream/create-transport.js';
import type { Transport } from '../../upstream/transport.js';
import type { TransportOptions } from '../../upstream/transport-options.js';
import type { Hooks } from '../messages/hooks.js';
import type { Planner } from '../messages/plan.js';
import type { Observer } from '../transfer/transfer.js';
import { type DigestOptions, type DigestSettings, resolveDigests } from './digest-options.js';
import { type FieldOptions, type FieldSettings, resolveFields } from './field-options.js';
import { checkTransform, checkTransport, resolveObservers } from './option-objects.js';
import { type Profile, passThrough, thirdParty } from './profiles.js';
import { type ResumeOptions, type ResumeSettings, resolveResume } from './resume-options.js';
import { resolvePeers } from './trusted-proxies.js';
import { resolveEgress } from './upstream-egress.js';
import {
  parseUpstreamUrl,
  resolveConnections,
  resolveUpstream,
  type UpstreamOptions,
} from './upstream-options.js';

export interface TimeoutOptions {
  /** Looking up, connecting and the TLS handshake together. Default 10 s; cannot be turned off. */
  connect?: Duration;
  /** From the end of the request, or the last interim response, until the response head. Default 60 s; 0 is off. */
  responseHead?: Duration;
  /** Between bytes, while only the origin server is waited for. Default 60 s; 0 is off. */
  upstreamIdle?: Duration;
  /** Between bytes, while only the client is waited for. Default 10 min; 0 is off. */
  clientIdle?: Duration;
  /** Between bytes in either direction of a tunnel (WebSocket). Default 1 h; 0 is off. */
  tunnelIdle?: Duration;
  /** How long WebSockets go on after `close()` before they are closed with 1001. Default 0: at once. */
  tunnelDrain?: Duration;
  /** The whole transfer. Default 0: off, since no healthy transfer takes too long. */
  total?: Duration;
}

export interface LimitOptions {
  /** Bytes per second below which a transfer is ended, measured over 5 s. Default 0: off. */
  minRate?: Size;
  /**
   * Bytes of request content. More is refused with 413: before the origin server is asked where the request
   * announces it, otherwise when it has come. Default 0: no limit.
   */
  requestContent?: Size;
  /** Bytes of a response head. Default 64 KiB. */
  responseHead?: Size;
  /** Field lines of a response head. Default 256. */
  responseFields?: number;
}

export interface ProxyOptions<Context = unknown> extends Hooks<Context> {
  /** Where requests go. May be left out where `onRequest` always chooses. */
  upstream?: string | URL | UpstreamOptions;
  /** This proxy's name in `Via` and `Proxy-Status`: a token. Default `sluiceway-` and 8 random characters. */
  name?: string;
  /** What is let through. Default `passThrough`. */
  profile?: Profile | 'passThrough' | 'thirdParty';
  /** Addresses that may be connected to: `any` or `public`. Default: the profile's. */
  addresses?: 'any' | 'public';
  /**
   * Addresses and CIDR ranges of proxies before this one, whose word about the client is believed; `'unix'` stands for
   * whoever connects by a Unix socket. Default none.
   */
  trustedProxies?: readonly string[];
  /**
   * Who may: decided for each request before anything else is done about it. `bearer`, `basic` and `addresses` make
   * policies, `allOf` and `anyOf` combine them. Default: everybody may.
   */
  access?: AccessPolicy;
  /** Changes to fields of requests and responses, as plain data. Default none. */
  fields?: FieldOptions;
  timeouts?: TimeoutOptions;
  limits?: LimitOptions;
  /**
   * Content of a GET that breaks, stalls or falls under the minimum rate is continued from the exact byte, where that is
   * provably the same file. False: never. Default: it is.
   */
  resume?: boolean | ResumeOptions;
  /**
   * Whether a HEAD of a client is asked with GET, of whose response the head is taken and the content is not read: `never`,
   * `always`, or where the origin server answers HEAD with 403, 405 or 501 (`fallback`), as it does for URLs that are
   * signed for GET. nginx calls it `proxy_cache_convert_head`. A GET may cost the origin server some content that nobody
   * reads. Default: `fallback` with the profile `thirdParty`, `never` with any other.
   */
  convertHead?: HeadConversion;
  /** Which content is verified while it passes. Default: what the origin server gives a digest for. */
  digests?: DigestOptions;
  observers?: readonly Observer[];
  /** Replaces the built-in HTTP/1.1 client. It is closed with the proxy. */
  transport?: Transport;
  /**
   * `answer` (default): failures are answered. `throw`: a failure before the head rejects the promise of
   * `handle` with nothing written, for frameworks with an error handler of their own.
   */
  errors?: 'answer' | 'throw';
}

/** Checked values of `ProxyOptions`. */
export interface ProxySettings {
  upstream: BaseTarget | null;
  /** Of the upstream. */
  mirrors: readonly BaseTarget[];
  pseudonym: string;
  /** By which this proxy knows its own requests in CDN-Loop. */
  loopName: string;
  profile: Profile;
  peers: TrustedPeers;
  /** Null: everybody may. */
  access: AccessPolicy | null;
  fields: FieldSettings;
  timeouts: TimeoutSettings;
  tunnelDrainMs: number;
  /** Bytes of request content; 0 is no limit. */
  maxRequestContent: number;
  /** Null: broken content is not continued. */
  resume: ResumeSettings | null;
  convertHead: HeadConversion;
  digests: DigestSettings;
  /** Of the file that every request is for; null but for `streamFrom`. */
  digest: Digest | null;
  hooks: Hooks;
  /** Chooses in place of `onRequest`; null but for a gateway. */
  planner: Planner | null;
  /** Told where each request has reached this process; null where that does not matter. */
  learnListener: ((listener: ListenerAddress | null) => void) | null;
  observers: readonly Observer[];
  transport: Transport;
  throwsErrors: boolean;
}

const HOOKS = ['onRequest', 'onUpstreamRequest', 'onUpstreamResponse', 'onError'] as const;
const GROUPS = [
  'upstream',
  'name',
  'profile',
  'addresses',
  'trustedProxies',
  'access',
  'fields',
  'timeouts',
  'limits',
  'resume',
  'digests',
  'observers',
];
const OPTIONS = [...GROUPS, 'transport', 'convertHead', 'errors', 'transform', ...HOOKS];

/** One for the process: workers and proxies of one start are the same hop. */
const defaultPseudonym = `sluiceway-${randomBytes(4).toString('hex')}`;

/** Checks all options at once, and what `checkMore` adds. Throws an `OptionsError` that lists every problem. */
export function resolveProxyOptions(
  options: ProxyOptions,
  subject = 'createProxy',
  makeTransport: typeof createTransport = createTransport,
  checkMore: (check: Checker) => void = () => {},
): ProxySettings {
  const check = new Checker(subject);
  check.required('', options);
  if (options === undefined || !check.unknownKeys('', options, OPTIONS)) check.throwIfAny();
  const settings = resolveSettings(check, options, makeTransport);
  checkMore(check);
  check.throwIfAny();
  return settings();
}

/** Gathers problems; the transport is made only when there are none. */
function resolveSettings(
  check: Checker,
  options: ProxyOptions,
  makeTransport: typeof createTransport,
): () => ProxySettings {
  const { path, url, mirrors, tls, connections, proxy, protocol } = resolveUpstream(check, options.upstream);
  if (protocol !== 'http1' && options.transport !== undefined)
    check.problem(
      'upstream.protocol',
      'must not be given together with transport, which speaks what it likes',
    );
  const base = check.parsed(path, url, null, parseUpstreamUrl);
  if (options.onRequest === undefined) check.required(path, url);
  const limits = check.group('limits', options.limits, [
    'minRate',
    'requestContent',
    'responseHead',
    'responseFields',
  ]);
  const timeouts = check.group('timeouts', options.timeouts, [
    'connect',
    'responseHead',
    'upstreamIdle',
    'clientIdle',
    'tunnelIdle',
    'tunnelDrain',
    'total',
  ]);
  const name = check.string('name', options.name, defaultPseudonym);
  if (!isToken(name)) check.problem('name', "must be a token: letters, digits and -._~!#$%&'*+^`|");
  const profile = resolveProfile(check, options.profile);
  const addresses = check.oneOf('addresses', options.addresses, ['any', 'public'], profile.addresses);
  const peers = resolvePeers(check, options.trustedProxies);
  const access = check.func('access', options.access, null);
  const fields = resolveFields(check, options.fields);
  const digests = resolveDigests(check, options.digests);
  const observers = resolveObservers(check, options.observers);
  check.parsed('transport', options.transport, undefined, checkTransport);
  const hooks: Hooks = {};
  for (const hook of HOOKS) {
    const given = check.func(hook, options[hook], undefined);
    if (given !== undefined) Object.assign(hooks, { [hook]: given });
  }
  if (checkTransform(check, options.transform)) hooks.transform = options.transform;
  const egress = resolveEgress(check, 'upstream.proxy', proxy, {
    addresses,
    transport: options.transport,
  });
  const connectTimeoutMs = check.duration('timeouts.connect', timeouts.connect, 10_000, { min: 1 });
  const connecting: TransportOptions = {
    policy: addresses === 'public' ? publicAddressesOfOthers : anyAddress,
    connectTimeoutMs,
    maxHeadBytes: check.bytes('limits.responseHead', limits.responseHead, 64 * 1024, { min: 1024 }),
    maxHeadFields: check.integer('limits.responseFields', limits.responseFields, 256, { min: 1 }),
    ...resolveConnections(check, connections),
    ...(tls !== undefined && { tls }),
    ...(egress !== undefined && { egress }),
  };
  const convertHead = check.oneOf(
    'convertHead',
    options.convertHead,
    ['never', 'fallback', 'always'],
    profile.name === thirdParty.name ? 'fallback' : 'never',
  );
  const throwsErrors = check.oneOf('errors', options.errors, ['answer', 'throw'], 'answer') === 'throw';
  const tunnelDrainMs = check.duration('timeouts.tunnelDrain', timeouts.tunnelDrain, 0);
  const timeoutSettings: TimeoutSettings = {
    responseHeadMs: check.duration('timeouts.responseHead', timeouts.responseHead, 60_000),
    upstreamIdleMs: check.duration('timeouts.upstreamIdle', timeouts.upstreamIdle, 60_000),
    clientIdleMs: check.duration('timeouts.clientIdle', timeouts.clientIdle, 600_000),
    tunnelIdleMs: check.duration('timeouts.tunnelIdle', timeouts.tunnelIdle, 3_600_000),
    totalMs: check.duration('timeouts.total', timeouts.total, 0),
    minRate: check.bytes('limits.minRate', limits.minRate, 0),
  };
  const resume = resolveResume(check, options.resume);
  const maxRequestContent = check.bytes('limits.requestContent', limits.requestContent, 0);
  return () => ({
    upstream: base,
    mirrors,
    pseudonym: name,
    loopName: profile.forwarded ? name : `${name}-files`,
    profile,
    peers,
    access,
    fields,
    timeouts: timeoutSettings,
    tunnelDrainMs,
    maxRequestContent,
    resume,
    convertHead,
    digests,
    digest: null,
    hooks,
    planner: null,
    learnListener: addresses === 'public' ? (listener) => processListeners.learn(listener) : null,
    observers,
    transport: options.transport ?? makeTransport(connecting, protocol),
    throwsErrors,
  });
}

function resolveProfile(check: Checker, profile: ProxyOptions['profile']): Profile {
  if (typeof profile === 'object' && profile !== null) {
    const known = Object.keys(passThrough) as (keyof Profile)[];
    check.unknownKeys('profile', profile, known);
    for (const key of known) check.required(`profile.${key}`, profile[key]);
    return profile;
  }
  const name = check.oneOf('profile', profile, ['passThrough', 'thirdParty'], 'passThrough');
  return name === 'thirdParty' ? thirdParty : passThrough;
}
