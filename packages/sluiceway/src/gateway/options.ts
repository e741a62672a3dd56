import type { LimitStore } from '../limits/store.js';
import { type Guard, resolveGuard } from '../net/guard.js';
import { type GuardOptions, guardOptions } from '../net/guard-options.js';
import { Checker } from '../options/checker.js';
import { group, list } from '../options/composites.js';
import { boolean, custom, duration, func, integer, size } from '../options/kinds.js';
import { OFF, type OptionsOf, pick, resolve, type SettingsOf } from '../options/spec.js';
import { groupSchema } from '../options/to-json-schema.js';
import type { DownstreamRequest } from '../proxy/messages/downstream-request.js';
import type { Hooks } from '../proxy/messages/hooks.js';
import { hookOptions } from '../proxy/options/hook-options.js';
import { proxyDataOptions } from '../proxy/options/proxy-options.js';
import type { SelectedProxyOptions } from '../proxy/options/proxy-settings.js';
import { limitOptions } from '../proxy/options/timeout-options.js';
import { tlsOption } from '../proxy/options/upstream-tls.js';
import type { Grant } from './grant.js';
import { type IgnoresParameter, resolveIgnoredParameters } from './ignored-parameters.js';
import { gatewayKeysOption, linkPlaceOptions } from './link-options.js';
import { type Links, makeLinks } from './links.js';
import { mediaType } from './response-options.js';

/** What to do with a request that its link permits. */
export type GatewayDecision =
  | 'relay'
  /** 302 to a URL from which the client gets the file directly, such as a presigned URL. */
  | { redirect: string | URL }
  | { refuse: { status: 403 | 404 | 429 | 503; reason: string } };

type Decide<Context> = (messages: {
  grant: Grant;
  request: DownstreamRequest<Context>;
}) => GatewayDecision | Promise<GatewayDecision>;

const gatewayLimitOptions = {
  ...pick(limitOptions, ['rules', 'store', 'minRate', 'responseHead', 'responseHeaders']),
  /**
   * Maximum bytes of one file, by announced length and by count. A link can only lower it. `false` turns it
   * off. Default: `false`.
   */
  fileBytes: size({
    default: OFF,
    off: true,
    min: 1,
    doc: 'Maximum bytes of one file, by announced length and by count. A link can only lower it.',
  }),
  /**
   * Media types that are served: `video/mp4`, `image/*`. Anything else gets 403, also a response without
   * `Content-Type`. All lines and members of `Content-Type` must match. Default: all.
   */
  contentTypes: list(mediaType, {
    defaultText: 'all',
    doc: 'Media types that are served: `video/mp4`, `image/*`. Anything else gets 403, also a response without `Content-Type`. All lines and members of `Content-Type` must match.',
  }),
  /**
   * Concurrent downloads, with `limits.store` or workers of all processes together. Further requests get 503.
   * `false` turns it off. Default: `false`.
   */
  transfers: integer({
    default: OFF,
    off: true,
    doc: 'Concurrent downloads, with `limits.store` or workers of all processes together. Further requests get 503.',
  }),
  /**
   * Concurrent downloads of one client, with `limits.store` or workers of all processes together. Further
   * requests get 429. A client is an IPv4 address or an IPv6 /64, in any spelling. `false` turns it off.
   * Default: `false`.
   */
  transfersPerClient: integer({
    default: OFF,
    off: true,
    doc: 'Concurrent downloads of one client, with `limits.store` or workers of all processes together. Further requests get 429. A client is an IPv4 address or an IPv6 /64, in any spelling.',
  }),
};

export interface GatewayLimitOptions extends OptionsOf<typeof gatewayLimitOptions> {}
export interface GatewayLimitValues extends SettingsOf<typeof gatewayLimitOptions> {}

/** Options of a gateway that its proxy does not have. */
export const gatewayOwnOptions = {
  /**
   * Keys that sign links: a list of `{ id, secret }`, `{ file }` or `{ env }`. The first one signs, and links
   * of all of them are valid. To rotate, put a new key first. Required, unless `unsigned` is true. Default:
   * none.
   */
  keys: gatewayKeysOption,
  ...linkPlaceOptions,
  /**
   * Serve `GET <path>?url=…` without a signature too. Requires `guard.allowHosts` or `access`, because a
   * gateway that fetches any URL for any client is found and abused within days. Default: `false`.
   */
  unsigned: boolean({
    default: false,
    doc: 'Serve `GET <path>?url=…` without a signature too. Requires `guard.allowHosts` or `access`, because a gateway that fetches any URL for any client is found and abused within days.',
  }),
  /** Where URLs may lead: see below. Default: public addresses, ports 80 and 443. */
  guard: custom<GuardOptions, Guard>({
    type: 'object',
    members: guardOptions,
    defaultText: 'public addresses, ports 80 and 443',
    doc: 'Where URLs may lead: see [below](#where-urls-may-lead).',
    schema: groupSchema(guardOptions),
    read: resolveGuard,
  }),
  /** How to reach `https:` URLs: `ca`, `cert`, `key`, `servername`. Default: Node's. */
  tls: tlsOption,
  /**
   * How long a single-use link stays with its client, so that the client can continue a broken download.
   * Default: `1h`.
   */
  singleUseWindow: duration({
    default: '1h',
    min: 1000,
    doc: 'How long a single-use link stays with its client, so that the client can continue a broken download.',
  }),
  /**
   * Query parameters that other sites append to links, and that the gateway ignores: `['fbclid', 'utm_*']`.
   * It removes them before it verifies a link. None can be a parameter of links themselves. By default, a
   * link with an appended parameter is refused, because links are compared byte for byte. Default: none.
   */
  ignoredParameters: custom<readonly string[], IgnoresParameter | null>({
    type: 'list of names',
    schema: { type: 'array', items: { type: 'string' } },
    doc: "Query parameters that other sites append to links, and that the gateway ignores: `['fbclid', 'utm_*']`. It removes them before it verifies a link. None can be a parameter of links themselves. By default, a link with an appended parameter is refused, because links are compared byte for byte.",
    read: (check, path, value) =>
      resolveIgnoredParameters(check, path, value as readonly string[] | undefined),
  }),
  /**
   * Pass on the content of the origin server's errors. It can contain names of buckets, hosts and keys.
   * Default: `false`.
   */
  relayErrorContent: boolean({
    default: false,
    doc: "Pass on the content of the origin server's errors. It can contain names of buckets, hosts and keys.",
  }),
  /** Limits of downloads. */
  limits: group<GatewayLimitOptions, GatewayLimitValues>(gatewayLimitOptions, {
    doc: 'Limits of downloads.',
  }),
};

/** Options that the underlying proxy has too. */
const sharedOptions = {
  ...pick(proxyDataOptions, [
    'access',
    'cors',
    'name',
    'trustedProxies',
    'digests',
    'requestId',
    'tracing',
    'observers',
    'errors',
    'timeouts',
    'resume',
    'verifyIfRange',
    'acceptEncoding',
    'breakOff',
    'zeroCopy',
  ]),
  /**
   * As for `createProxy`. Default: `'remove'`.
   */
  archiveCoding: { ...proxyDataOptions.archiveCoding, defaultText: "`'remove'`" },
  /**
   * As for `createProxy`. Default: `'none'`.
   */
  interimResponses: { ...proxyDataOptions.interimResponses, defaultText: "`'none'`" },
  /**
   * As for `createProxy`. Default: `'fallback'`.
   */
  convertHead: { ...proxyDataOptions.convertHead, defaultText: "`'fallback'`" },
};

const hooks = pick(hookOptions, ['onUpstreamRequest', 'onUpstreamResponse', 'transform', 'onError']);

export const decideOption = func<Decide<unknown>>({
  defaultText: 'relay',
  doc: 'Asked when a request may have its file, before anything is looked up: see [below](#relay-redirect-or-refuse).',
});

export const gatewayOptions: typeof gatewayOwnOptions &
  typeof sharedOptions &
  typeof hooks & { decide: typeof decideOption } = {
  ...gatewayOwnOptions,
  ...sharedOptions,
  ...hooks,
  /** Asked when a request may have its file, before anything is looked up: see below. Default: relay. */
  decide: decideOption,
};

export interface GatewayOptions<Context = unknown>
  extends OptionsOf<typeof gatewayOwnOptions>,
    OptionsOf<typeof sharedOptions>,
    Pick<Hooks<Context>, keyof typeof hooks> {
  /** Decides about each request that its link permits, before any DNS lookup. Default: relay the file. */
  decide?: Decide<Context>;
}

/** Checked values of `GatewayOptions`, without those of the underlying proxy. */
export interface GatewaySettings {
  /** Null without keys. */
  links: Links | null;
  /** The path of the gateway, without a trailing slash. */
  path: string;
  unsigned: boolean;
  guard: Guard;
  decide: GatewayOptions['decide'];
  singleUseWindowMs: number;
  ignores: IgnoresParameter | null;
  relaysErrorContent: boolean;
  /** Null for no limit. */
  maxFileBytes: number | null;
  contentTypes: readonly string[] | null;
  /** Null for no limit. */
  maxTransfers: number | null;
  maxTransfersPerClient: number | null;
  /** Where clients reach the gateway: its base, if it is known, and its path. */
  address: string;
  /** Shares the state of links with other processes. Null: it is that of this process. */
  store: LimitStore | null;
}

/** Splits the options of a gateway from those of its proxy, and checks both. Throws an `OptionsError`. */
export function resolveGatewayOptions(options: GatewayOptions): {
  settings: GatewaySettings;
  proxyOptions: SelectedProxyOptions;
} {
  const check = new Checker('createDownloadGateway');
  check.required('', options);
  if (options === undefined || !check.isObject('', options)) check.throwIfAny();
  const given = resolve(gatewayOptions, options, check);
  const { keys, base, path, form, unsigned, limits } = given;
  if (options.keys === undefined && !unsigned) check.problem('keys', 'is required, unless unsigned is true');
  if (unsigned && options.guard?.allowHosts === undefined && options.access === undefined) {
    check.problem(
      'unsigned',
      "requires guard.allowHosts (['*'] for any host) or access: otherwise any client could fetch any URL through this gateway",
    );
  }
  check.throwIfAny();
  const settings: GatewaySettings = {
    links: keys === null ? null : makeLinks(keys, { base, path, form }),
    path,
    unsigned,
    guard: given.guard,
    decide: given.decide,
    singleUseWindowMs: given.singleUseWindow,
    ignores: given.ignoredParameters,
    relaysErrorContent: given.relayErrorContent,
    maxFileBytes: limits.fileBytes,
    contentTypes: limits.contentTypes ?? null,
    maxTransfers: limits.transfers,
    maxTransfersPerClient: limits.transfersPerClient,
    address: `${base ?? ''}${path}`,
    store: limits.store ?? null,
  };
  const names = Object.keys({ ...sharedOptions, ...hooks }) as (
    | keyof typeof sharedOptions
    | keyof typeof hooks
  )[];
  const proxyOptions = Object.fromEntries(
    names.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
  );
  const upstream = options.tls === undefined ? {} : { upstream: { tls: options.tls } };
  const { responseHead, responseHeaders } = limits;
  const { rules, store } = options.limits ?? {};
  const minRate = limits.minRate ?? OFF;
  return {
    settings,
    proxyOptions: {
      ...proxyOptions,
      ...upstream,
      limits: {
        minRate,
        responseHead,
        responseHeaders,
        ...(rules !== undefined && { rules }),
        ...(store !== undefined && { store }),
      },
    },
  };
}
