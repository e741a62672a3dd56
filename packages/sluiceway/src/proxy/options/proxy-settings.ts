import { randomBytes } from 'node:crypto';
import type { AccessPolicy } from '../../access/policy.js';
import type { BreakOff } from '../../downstream/exchange.js';
import type { Fields } from '../../http/fields.js';
import type { BaseTarget } from '../../http/target.js';
import { anyAddress } from '../../net/address-policy.js';
import { type ListenerAddress, processListeners, publicAddressesOfOthers } from '../../net/own-listeners.js';
import { createTrustedPeers, type TrustedPeers } from '../../net/trusted-peers.js';
import { Checker } from '../../options/checker.js';
import { resolve, type SettingsOf } from '../../options/spec.js';
import type { TimeoutSettings } from '../../stream/timeout-settings.js';
import type { HeadConversion } from '../../upstream/convert-head.js';
import { createTransport } from '../../upstream/create-transport.js';
import type { Transport } from '../../upstream/transport.js';
import type { TransportOptions } from '../../upstream/transport-options.js';
import type { DownstreamRequest } from '../messages/downstream-request.js';
import type { Hooks } from '../messages/hooks.js';
import type { Observer } from '../transfer/transfer-record.js';
import { type DigestSettings, toDigestSettings } from './digest-options.js';
import { type HeaderSettings, toHeaderSettings } from './header-options.js';
import { type Profile, thirdParty } from './profiles.js';
import { type ProxyOptions, proxyOptions } from './proxy-options.js';
import { type ResumeSettings, toResumeSettings } from './resume-options.js';
import { checkEgress } from './upstream-egress.js';
import {
  toConnectionSettings,
  type UpstreamOptions,
  type UpstreamValues,
  upstreamDefaults,
} from './upstream-options.js';

/** Checked values of `ProxyOptions`. */
export interface ProxySettings {
  /** Null where `onRequest`, or a selector of the caller's, always chooses. */
  upstream: BaseTarget | null;
  /** Of the upstream. */
  mirrors: readonly BaseTarget[];
  proxyName: string;
  /** By which this proxy knows its own requests in CDN-Loop. */
  loopName: string;
  profile: Profile;
  peers: TrustedPeers;
  /** Null: everybody may. */
  access: AccessPolicy | null;
  headers: HeaderSettings;
  timeouts: TimeoutSettings;
  tunnelDrainMs: number;
  /** Bytes of request content; 0 is no limit. */
  maxRequestContent: number | null;
  /** Null: broken content is not continued. */
  resume: ResumeSettings | null;
  convertHead: HeadConversion;
  /** How a response with a length is broken off over HTTP/1.1. */
  breakOff: BreakOff;
  /** Which clients get the interim responses of origin servers. */
  interimResponses: 'pass' | 'http2' | 'none';
  digests: DigestSettings;
  hooks: Hooks;
  /** A request's path as records and observers see it; null where it has no secrets. */
  hidePath: ((path: string) => string) | null;
  /** Completes the head of each final response, also of those to failures; null where nothing is added. */
  completeHead: ((fields: Fields, downstream: DownstreamRequest) => void) | null;
  /** Told where each request has reached this process; null where that does not matter. */
  learnListener: ((listener: ListenerAddress | null) => void) | null;
  observers: readonly Observer[];
  transport: Transport;
  /** Whether content may go past this process; only where that can be had. */
  zeroCopy: boolean;
  verifiesIfRange: boolean;
  throwsErrors: boolean;
}

/** One for the process: workers and proxies of one start are the same hop. */
const defaultPseudonym = `sluiceway-${randomBytes(4).toString('hex')}`;

/** Checks all options at once. Throws an `OptionsError` that lists every problem. */
export function resolveProxyOptions(
  options: ProxyOptions,
  subject = 'createProxy',
  makeTransport: typeof createTransport = createTransport,
): ProxySettings {
  const check = new Checker(subject);
  check.required('', options);
  if (options === undefined || !check.isObject('', options)) check.throwIfAny();
  if (options.onRequest === undefined) requireUpstream(check, options.upstream);
  const settings = resolveSettings(check, options, makeTransport);
  check.throwIfAny();
  return settings();
}

/** Options of a proxy whose caller selects the targets: `upstream` says only how they are reached. */
export interface SelectedProxyOptions extends Omit<ProxyOptions, 'upstream' | 'onRequest'> {
  upstream?: Omit<UpstreamOptions, 'url' | 'mirrors'>;
}

/** As `resolveProxyOptions`, for a proxy with a selector of the caller's. */
export function resolveSelectedOptions(
  options: SelectedProxyOptions,
  subject: string,
  makeTransport: typeof createTransport = createTransport,
): ProxySettings {
  const check = new Checker(subject);
  const settings = resolveSettings(check, options as ProxyOptions, makeTransport);
  check.throwIfAny();
  return settings();
}

/** Gathers problems; the transport is made only when there are none. */
function resolveSettings(
  check: Checker,
  options: ProxyOptions,
  makeTransport: typeof createTransport,
): () => ProxySettings {
  const { upstream: to, ...given } = resolve(proxyOptions, options, check);
  // In place of a URL an object, with the defaults of all other options.
  const upstream = isGroup(to) ? to : { ...upstreamDefaults(), url: to };
  return toProxySettings(check, given, { ...upstream, path: 'upstream.' }, makeTransport);
}

/**
 * Settings from options that their descriptions have checked. Adds the problems of options that do not go together; the
 * transport is made only when there are none. `path` of the upstream stands before the names of its options in problems.
 */
export function toProxySettings(
  check: Checker,
  given: Omit<Resolved, 'upstream' | 'onRequest'> & Partial<Pick<Resolved, 'onRequest'>>,
  { url, mirrors, tls, connections, egressProxy, protocol, path }: UpstreamValues & { path: string },
  makeTransport: typeof createTransport = createTransport,
): () => ProxySettings {
  const { timeouts, limits, profile, resume, transport } = given;
  if (protocol !== 'http1' && transport !== undefined)
    check.problem(`${path}protocol`, 'must not be given together with transport, which speaks what it likes');
  const addresses = given.addresses ?? profile.addresses;
  checkEgress(check, `${path}egressProxy`, { isGiven: egressProxy !== undefined, addresses, transport });
  const connecting: TransportOptions = {
    policy: addresses === 'public' ? publicAddressesOfOthers : anyAddress,
    connectTimeoutMs: timeouts.connect,
    maxHeadBytes: limits.responseHead,
    maxHeadFields: limits.responseHeaders,
    ...toConnectionSettings(connections),
    ...(tls !== undefined && { tls }),
    ...(egressProxy !== undefined && { egress: egressProxy }),
  };
  const resumeSettings = toResumeSettings(resume);
  return () => ({
    upstream: url ?? null,
    mirrors,
    proxyName: given.name ?? defaultPseudonym,
    loopName: profile.forwarded
      ? (given.name ?? defaultPseudonym)
      : `${given.name ?? defaultPseudonym}-files`,
    profile,
    peers: createTrustedPeers(given.trustedProxies),
    access: given.access ?? null,
    headers: toHeaderSettings(given.headers),
    timeouts: {
      responseHeadMs: timeouts.responseHead ?? 0,
      upstreamIdleMs: timeouts.upstreamIdle ?? 0,
      clientIdleMs: timeouts.clientIdle ?? 0,
      tunnelIdleMs: timeouts.tunnelIdle ?? 0,
      silenceMs: resumeSettings?.hedgeAfterMs ?? 0,
      totalMs: timeouts.total ?? 0,
      minRate: limits.minRate ?? 0,
    },
    tunnelDrainMs: timeouts.tunnelDrain,
    maxRequestContent: limits.requestContent,
    resume: resumeSettings,
    convertHead: given.convertHead ?? (profile.name === thirdParty.name ? 'fallback' : 'never'),
    breakOff: given.breakOff,
    interimResponses: given.interimResponses ?? (profile.responseHeaders === 'all' ? 'pass' : 'none'),
    digests: toDigestSettings(given.digests),
    hooks: toHooks(given),
    hidePath: null,
    completeHead: null,
    learnListener: addresses === 'public' ? (listener) => processListeners.learn(listener) : null,
    observers: given.observers,
    transport: given.transport ?? makeTransport(connecting, protocol),
    zeroCopy: given.zeroCopy,
    verifiesIfRange: given.verifyIfRange,
    throwsErrors: given.errors === 'throw',
  });
}

type Resolved = SettingsOf<typeof proxyOptions>;

const isGroup = (upstream: Resolved['upstream']): upstream is UpstreamValues =>
  upstream !== undefined && 'connections' in upstream;

/** Those that are given. */
function toHooks({
  onRequest,
  onUpstreamRequest,
  onUpstreamResponse,
  transform,
  onError,
}: Partial<Pick<Resolved, keyof Hooks>>): Hooks {
  return {
    ...(onRequest !== undefined && { onRequest }),
    ...(onUpstreamRequest !== undefined && { onUpstreamRequest }),
    ...(onUpstreamResponse !== undefined && { onUpstreamResponse }),
    ...(transform !== undefined && { transform }),
    ...(onError !== undefined && { onError }),
  };
}

function requireUpstream(check: Checker, upstream: ProxyOptions['upstream']): void {
  if (typeof upstream !== 'object' || upstream === null || upstream instanceof URL)
    check.required('upstream', upstream);
  else check.required('upstream.url', upstream.url);
}
