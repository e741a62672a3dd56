import { randomBytes } from 'node:crypto';
import type { AccessPolicy } from '../../access/policy.js';
import type { BreakOff } from '../../downstream/exchange.js';
import type { CorsRules } from '../../http/cors.js';
import type { BaseTarget } from '../../http/target.js';
import { Limits } from '../../limits/limits.js';
import { toRules } from '../../limits/rule.js';
import { type ListenerAddress, processListeners } from '../../net/own-listeners.js';
import { createTrustedPeers, type TrustedPeers } from '../../net/trusted-peers.js';
import { Checker } from '../../options/checker.js';
import { resolve, type SettingsOf } from '../../options/spec.js';
import { SidecarReader } from '../../sidecar/sidecar-reader.js';
import type { TimeoutSettings } from '../../stream/timeout-settings.js';
import type { HeadConversion } from '../../upstream/convert-head.js';
import { createTransport } from '../../upstream/create-transport.js';
import { ConnectionLimit } from '../../upstream/group/connection-limit.js';
import { UpstreamGroup } from '../../upstream/group/group.js';
import type { Transport } from '../../upstream/transport.js';
import type { TransportOptions } from '../../upstream/transport-options.js';
import type { Hooks } from '../messages/hooks.js';
import type { Tracing } from '../transfer/tracing.js';
import type { Observer } from '../transfer/transfer-record.js';
import { type DigestSettings, toDigestSettings } from './digest-options.js';
import { GroupGuards, toPolicy } from './group-guards.js';
import type { BalancingValues } from './group-options.js';
import { type HeaderSettings, toHeaderSettings } from './header-options.js';
import { type Profile, thirdParty } from './profiles.js';
import { type ProxyOptions, proxyOptions } from './proxy-options.js';
import { type RequestIdValues, toRequestIdSettings } from './request-id-option.js';
import { type ResumeSettings, toResumeSettings } from './resume-options.js';
import { resolveDestination } from './upstream-destination.js';
import { checkEgress } from './upstream-egress.js';
import {
  toConnectionSettings,
  type UpstreamOptions,
  type UpstreamValues,
  upstreamDefaults,
} from './upstream-options.js';

/** Checked values of `ProxyOptions`. */
export interface ProxySettings {
  /** Null if `onRequest` or the caller's selector always chooses the target. */
  upstream: BaseTarget | UpstreamGroup | null;
  /** The group that was created from the options. It is closed with the proxy. */
  ownGroup: UpstreamGroup | null;
  /** Tells groups of the application which addresses are allowed. */
  guards: GroupGuards;
  /** Of the connections to each server of a group. Null: there is none. */
  connectionLimit: ConnectionLimit | null;
  /** Mirrors of the upstream. */
  mirrors: readonly BaseTarget[];
  proxyName: string;
  /** The name by which this proxy detects its own requests in CDN-Loop. */
  loopName: string;
  profile: Profile;
  peers: TrustedPeers;
  /** Null: every request is allowed. */
  access: AccessPolicy | null;
  headers: HeaderSettings;
  timeouts: TimeoutSettings;
  tunnelDrainMs: number;
  /** Bytes of request content. Null for no limit. */
  maxRequestContent: number | null;
  /** Bytes of the content of a response. Null for no limit. */
  maxResponseContent: number | null;
  /** The rules, and their state. */
  limits: Limits;
  /** Null: broken content is not resumed. */
  resume: ResumeSettings | null;
  convertHead: HeadConversion;
  /** Whether archives lose a label that says what their name says. */
  removesArchiveCoding: boolean;
  /** How a response with a length is aborted over HTTP/1.1. */
  breakOff: BreakOff;
  /** Which clients get the interim responses of origin servers. */
  interimResponses: 'pass' | 'http2' | 'none';
  digests: DigestSettings;
  /** Reads checksum files. */
  sidecars: SidecarReader;
  hooks: Hooks;
  /** Hides secrets in a request's path before records and observers see it. Null if paths have no secrets. */
  hidePath: ((path: string) => string) | null;
  /** Null: CORS is left to the origin server. */
  cors: CorsRules | null;
  /** Called with the listener that accepted each request. Null if it is not needed. */
  learnListener: ((listener: ListenerAddress | null) => void) | null;
  /** Null: the field is not used. */
  requestId: RequestIdValues | null;
  /** Null: transfers are not traced. */
  tracing: Tracing | null;
  observers: readonly Observer[];
  transport: Transport;
  /** Whether content may bypass this process. True only if zero copy is available. */
  zeroCopy: boolean;
  verifiesIfRange: boolean;
  acceptEncoding: 'pass' | 'identity';
  throwsErrors: boolean;
}

/** The same for the whole process: its workers and proxies are one hop. */
const defaultPseudonym = `sluiceway-${randomBytes(4).toString('hex')}`;

/** Checks all options. Throws an `OptionsError` that lists every problem. */
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

/** The options of an upstream that are about groups. */
type GroupOption = 'servers' | 'group' | keyof BalancingValues;

/** Options of a proxy whose caller selects the targets. `upstream` only says how to reach them. */
export interface SelectedProxyOptions<Context = unknown>
  extends Omit<ProxyOptions<Context>, 'upstream' | 'onRequest'> {
  upstream?: Omit<UpstreamOptions, 'url' | 'mirrors' | GroupOption>;
}

/** Like `resolveProxyOptions`, for a proxy with the caller's selector. */
export function resolveSelectedOptions(
  options: SelectedProxyOptions,
  subject: string,
  makeTransport: typeof createTransport = createTransport,
): ProxySettings {
  const check = new Checker(subject);
  const settings = resolveSettings(check, options, makeTransport);
  check.throwIfAny();
  return settings();
}

/** Collects problems. The transport is created only if there are none. */
function resolveSettings(
  check: Checker,
  options: ProxyOptions,
  makeTransport: typeof createTransport,
): () => ProxySettings {
  const { upstream: to, ...given } = resolve(proxyOptions, options, check);
  // Converts a URL to an object with the defaults of all other options.
  const upstream = hasOptions(to) ? to : { ...upstreamDefaults(), ...toDestination(to) };
  return toProxySettings(check, given, { ...upstream, path: 'upstream.' }, makeTransport);
}

/**
 * Converts checked options to settings. Adds the problems of options that conflict. The transport is created only if
 * there are none. `path` is the prefix of the upstream's option names in problems.
 */
export function toProxySettings(
  check: Checker,
  given: Omit<Resolved, 'upstream' | 'onRequest'> & Partial<Pick<Resolved, 'onRequest'>>,
  upstream: UpstreamValues & { path: string },
  makeTransport: typeof createTransport = createTransport,
): () => ProxySettings {
  const { timeouts, limits, profile, resume, transport } = given;
  const { mirrors, tls, connections, egressProxy, protocol, proxyProtocol, path } = upstream;
  if (protocol !== 'http1' && transport !== undefined)
    check.problem(
      `${path}protocol`,
      'must not be given together with transport, which chooses its own protocol',
    );
  const addresses = given.addresses ?? profile.addresses;
  if (proxyProtocol !== undefined) {
    const conflict =
      transport !== undefined
        ? 'transport, which opens its own connections'
        : egressProxy !== undefined
          ? 'egressProxy, which opens the connections'
          : protocol !== 'http1'
            ? `protocol: '${protocol}', whose connections serve several clients`
            : null;
    if (conflict !== null)
      check.problem(`${path}proxyProtocol`, `must not be given together with ${conflict}`);
  }
  checkEgress(check, `${path}egressProxy`, { isGiven: egressProxy !== undefined, addresses, transport });
  const connecting: TransportOptions = {
    policy: toPolicy(addresses),
    connectTimeoutMs: timeouts.connect,
    maxHeadBytes: limits.responseHead,
    maxHeadFields: limits.responseHeaders,
    ...toConnectionSettings(connections),
    ...(tls !== undefined && { tls }),
    ...(egressProxy !== undefined && { egress: egressProxy }),
    ...(proxyProtocol !== undefined && { proxyProtocol }),
  };
  const resumeSettings = toResumeSettings(resume);
  const digests = toDigestSettings(given.digests);
  const rules = toRules(limits.rules, check, 'limits.rules');
  const destination = resolveDestination(check, upstream);
  const guards = new GroupGuards(toPolicy(addresses));
  const create = (built: Transport, to: ProxySettings['upstream']): ProxySettings => ({
    upstream: to,
    ownGroup: upstream.servers !== undefined && to instanceof UpstreamGroup ? to : null,
    guards,
    connectionLimit: transport === undefined ? ConnectionLimit.of(connections.max, protocol) : null,
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
    maxResponseContent: limits.responseContent,
    limits: new Limits(rules, limits.store ?? null),
    resume: resumeSettings,
    convertHead: given.convertHead ?? (profile.name === thirdParty.name ? 'fallback' : 'never'),
    removesArchiveCoding:
      (given.archiveCoding ?? (profile.name === thirdParty.name ? 'remove' : 'pass')) === 'remove',
    breakOff: given.breakOff,
    interimResponses: given.interimResponses ?? (profile.responseHeaders === 'all' ? 'pass' : 'none'),
    digests,
    sidecars: new SidecarReader(built, digests.sidecarLimits),
    hooks: toHooks(given),
    hidePath: null,
    cors: given.cors,
    learnListener: addresses === 'public' ? (listener) => processListeners.learn(listener) : null,
    requestId: toRequestIdSettings(given.requestId),
    tracing: given.tracing ?? null,
    observers: given.observers,
    transport: built,
    zeroCopy: given.zeroCopy,
    verifiesIfRange: given.verifyIfRange,
    acceptEncoding: given.acceptEncoding,
    throwsErrors: given.errors === 'throw',
  });
  return () => {
    const settings = create(transport ?? makeTransport(connecting, protocol), destination());
    const { ownGroup, upstream: to } = settings;
    if (ownGroup === null && to instanceof UpstreamGroup) guards.use(to);
    ownGroup?.check({
      policy: toPolicy(addresses),
      // Connections of their own: those for requests can all be busy although a server is well.
      connect: (policy) =>
        transport ??
        makeTransport({ ...connecting, policy, maxConnections: Number.POSITIVE_INFINITY }, protocol),
      isOwn: transport === undefined,
    });
    return settings;
  };
}

type Resolved = SettingsOf<typeof proxyOptions>;

const hasOptions = (upstream: Resolved['upstream']): upstream is UpstreamValues =>
  upstream !== undefined && 'connections' in upstream;

const toDestination = (
  to: BaseTarget | UpstreamGroup | undefined,
): { url: BaseTarget | undefined } | { group: UpstreamGroup } =>
  to instanceof UpstreamGroup ? { group: to } : { url: to };

/** Returns the hooks that are set. */
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
  else if (
    !(upstream instanceof UpstreamGroup) &&
    upstream.servers === undefined &&
    upstream.group === undefined
  )
    check.required('upstream.url', upstream.url);
}
