import { parsePathPrefix } from '../http/prefix.js';
import { type Guard, type GuardOptions, resolveGuard } from '../net/guard.js';
import { Checker } from '../options/checker.js';
import type { DownstreamRequest } from '../proxy/messages/downstream-request.js';
import type { Hooks } from '../proxy/messages/hooks.js';
import type { ProxyOptions } from '../proxy/options/proxy-options.js';
import type { LimitOptions, TimeoutOptions } from '../proxy/options/timeout-options.js';
import type { UpstreamTlsOptions } from '../proxy/options/upstream-tls.js';
import type { Duration, Size } from '../units.js';
import type { Grant } from './grant.js';
import { type IgnoresParameter, resolveIgnoredParameters } from './ignored-parameters.js';
import { createLinks, type LinkOptions, type Links } from './links.js';

/** What becomes of a request that may have its file. */
export type GatewayDecision =
  | 'relay'
  /** 302 to where the client gets it without us, such as a presigned URL. */
  | { redirect: string | URL }
  | { refuse: { status: 403 | 404 | 429 | 503; reason: string } };

export interface GatewayLimitOptions extends Omit<LimitOptions, 'requestContent'> {
  /** Bytes of one file, by what the origin server says and by count. A link may say less. Default: no limit. */
  fileBytes?: Size;
  /** Media types that may pass: `video/mp4`, `image/*`. Default: all. */
  contentTypes?: readonly string[];
  /** Downloads at a time; more get 503. Default 0: no limit. */
  transfers?: number;
  /** Downloads at a time of one client; more get 429. Default 0: no limit. */
  transfersPerClient?: number;
}

export interface CorsOptions {
  /** Origins whose scripts may download, or `'*'` for all. Credentials are never allowed. */
  origins: readonly string[] | '*';
}

export interface GatewayOptions<Context = unknown>
  extends Pick<Hooks<Context>, 'onUpstreamRequest' | 'onUpstreamResponse' | 'transform' | 'onError'>,
    Pick<
      ProxyOptions,
      'access' | 'name' | 'trustedProxies' | 'observers' | 'errors' | 'resume' | 'digests' | 'convertHead'
    >,
    Partial<LinkOptions> {
  /** Serve `GET <path>?url=…` without a signature. Needs `guard.allowHosts` or `access`. Default false. */
  unsigned?: boolean;
  /** How to reach https: URLs: a private CA, a client certificate. Default: what Node trusts. */
  tls?: UpstreamTlsOptions;
  /** Where URLs may lead. Default: public addresses at the ports 80 and 443. */
  guard?: GuardOptions;
  /** Asked when a request may have its file, before anything is looked up. Default: relay it. */
  decide?: (request: {
    grant: Grant;
    downstream: DownstreamRequest<Context>;
  }) => GatewayDecision | Promise<GatewayDecision>;
  /** How long a single-use link stays with the client that took it. Default 1 h. */
  singleUseWindow?: Duration;
  /**
   * Names of query parameters that others append to links and that are ignored: `fbclid`, or `utm_*` for all that begin
   * so. They are removed before a link is verified. None may be one that links have themselves. Default: none, so that a
   * link with anything appended is refused.
   */
  ignoredParameters?: readonly string[];
  /** Let scripts of other sites download. Default: none. */
  cors?: CorsOptions;
  /** Pass the content of the origin server's errors on. It may name buckets, hosts and keys. Default false. */
  relayErrorContent?: boolean;
  timeouts?: TimeoutOptions;
  limits?: GatewayLimitOptions;
}

/** Checked values of `GatewayOptions`, beside those of the proxy underneath. */
export interface GatewaySettings {
  /** Null without keys. */
  links: Links | null;
  /** Where the gateway answers, without a slash at its end. */
  path: string;
  unsigned: boolean;
  guard: Guard;
  decide: GatewayOptions['decide'];
  singleUseWindowMs: number;
  ignores: IgnoresParameter | null;
  cors: CorsOptions | null;
  relaysErrorContent: boolean;
  /** Null for no limit. */
  maxFileBytes: number | null;
  contentTypes: readonly string[] | null;
  maxTransfers: number;
  maxTransfersPerClient: number;
}

const OWN_OPTIONS = [
  'keys',
  'base',
  'path',
  'form',
  'unsigned',
  'guard',
  'decide',
  'singleUseWindow',
  'ignoredParameters',
  'cors',
  'relayErrorContent',
  'tls',
] as const satisfies readonly (keyof GatewayOptions)[];

/** Options that the proxy underneath checks. */
const PROXY_OPTIONS = [
  'access',
  'name',
  'trustedProxies',
  'digests',
  'convertHead',
  'observers',
  'errors',
  'timeouts',
  'resume',
  'onUpstreamRequest',
  'onUpstreamResponse',
  'transform',
  'onError',
] as const satisfies readonly (keyof GatewayOptions)[];

/** Splits the options of a gateway from those of its proxy, and checks its own. Throws an `OptionsError`. */
export function resolveGatewayOptions(options: GatewayOptions): {
  settings: GatewaySettings;
  proxyOptions: ProxyOptions;
} {
  const check = new Checker('createDownloadGateway');
  check.required('', options);
  if (options === undefined || !check.unknownKeys('', options, [...OWN_OPTIONS, ...PROXY_OPTIONS, 'limits']))
    check.throwIfAny();
  const { fileBytes, contentTypes, transfers, transfersPerClient, ...limits } = options.limits ?? {};
  const unsigned = check.boolean('unsigned', options.unsigned, false);
  if (options.keys === undefined && !unsigned) check.problem('keys', 'is required, unless unsigned is true');
  if (unsigned && options.guard?.allowHosts === undefined && options.access === undefined) {
    check.problem(
      'unsigned',
      "needs guard.allowHosts (['*'] for any host) or access: without it anybody could fetch anything through here",
    );
  }
  const settings: GatewaySettings = {
    links: null,
    path: check.parsed('path', options.path, '/download', parsePathPrefix),
    unsigned,
    guard: resolveGuard(check, 'guard', options.guard),
    decide: check.func('decide', options.decide, undefined),
    singleUseWindowMs: check.duration('singleUseWindow', options.singleUseWindow, 3_600_000, { min: 1000 }),
    ignores: resolveIgnoredParameters(check, 'ignoredParameters', options.ignoredParameters),
    cors: resolveCors(check, options.cors),
    relaysErrorContent: check.boolean('relayErrorContent', options.relayErrorContent, false),
    maxFileBytes: check.bytes('limits.fileBytes', fileBytes, null, { min: 1 }),
    contentTypes: contentTypes === undefined ? null : resolveTypes(check, contentTypes),
    maxTransfers: check.integer('limits.transfers', transfers, 0),
    maxTransfersPerClient: check.integer('limits.transfersPerClient', transfersPerClient, 0),
  };
  check.throwIfAny();
  if (options.keys !== undefined) {
    const { keys, base, path, form } = options;
    settings.links = createLinks({ keys, ...given({ base, path, form }) });
  }
  const proxyOptions = Object.fromEntries(
    PROXY_OPTIONS.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
  );
  const upstream = options.tls === undefined ? {} : { upstream: { url: UNUSED, tls: options.tls } };
  return { settings, proxyOptions: { ...proxyOptions, ...upstream, limits } };
}

/** Only what is not undefined, for options that must not be. */
function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** Stands where an upstream is required; every request names its own URL. */
const UNUSED = 'http://url.invalid/';

const MEDIA_TYPE = /^[a-z0-9!#$&^_.+-]+\/(?:[a-z0-9!#$&^_.+-]+|\*)$/;

function resolveTypes(check: Checker, types: readonly string[]): string[] {
  return check.list('limits.contentTypes', types, (path, type) => {
    const lower = typeof type === 'string' ? type.toLowerCase() : '';
    if (!MEDIA_TYPE.test(lower)) check.problem(path, "must be a media type such as 'video/mp4' or 'video/*'");
    return lower;
  });
}

function resolveCors(check: Checker, cors: CorsOptions | undefined): CorsOptions | null {
  if (cors === undefined || !check.unknownKeys('cors', cors, ['origins'])) return null;
  if (cors.origins === '*') return cors;
  const origins = check.list('cors.origins', cors.origins, (path, origin) => {
    // As browsers say it: in lower case, without a default port.
    if (typeof origin === 'string' && /^https?:\/\/[^/?#@\s\\]+$/i.test(origin) && URL.canParse(origin))
      return new URL(origin).origin;
    check.problem(path, "must be an origin such as 'https://app.example.com'");
    return '';
  });
  if (cors.origins === undefined) check.problem('cors.origins', 'is required');
  return { origins };
}
