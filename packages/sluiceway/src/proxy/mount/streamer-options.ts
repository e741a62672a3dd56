import { type Digest, parseDigest } from '../../http/digest.js';
import type { Checker } from '../../options/checker.js';
import { custom } from '../../options/kinds.js';
import { type OptionsOf, resolve } from '../../options/spec.js';
import type { createTransport } from '../../upstream/create-transport.js';
import type { Hooks } from '../messages/hooks.js';
import { hookOptions } from '../options/hook-options.js';
import { profileOption } from '../options/profile-option.js';
import { proxyDataOptions } from '../options/proxy-options.js';
import { type ProxySettings, toProxySettings } from '../options/proxy-settings.js';
import { egressOption } from '../options/upstream-egress.js';
import { upstreamDefaults } from '../options/upstream-options.js';
import { protocolOption } from '../options/upstream-protocol.js';
import { tlsOption } from '../options/upstream-tls.js';

const profile: typeof profileOption = {
  ...profileOption,
  defaultText: "`'thirdParty'`",
  /**
   * What passes: see profiles. The URL may come from any user, so nothing of the client's goes to it, and
   * nothing active comes back. Default: `'thirdParty'`.
   */
  doc: "What passes: see [profiles](#profiles). The URL may come from any user, so nothing of the client's goes to it, and nothing active comes back.",
  read: (check, path, value) => profileOption.read(check, path, value ?? 'thirdParty'),
};

const digest = custom<string, Digest | undefined>({
  type: 'text',
  schema: { type: 'string' },
  doc: "The hash of the file, such as `'sha256:<hex>'`, or a member of `Repr-Digest`: see [digests](digests.md#require-a-digest). A response with other content is aborted before its end.",
  read: (check, path, value) => check.parsed(path, value as string | undefined, undefined, parseDigest),
});

/** Options of `createStreamer` and `streamFrom` that `createProxy` does not have, or that have another default. */
export const streamerOwnOptions = {
  /**
   * What passes: see profiles. The URL may come from any user, so nothing of the client's goes to it, and
   * nothing active comes back. Default: `'thirdParty'`.
   */
  profile,
  /**
   * Which addresses may be connected to, as for `createProxy`. The default is that of the profile. Default:
   * `'public'`.
   */
  addresses: {
    ...proxyDataOptions.addresses,
    defaultText: "`'public'`",
    doc: 'Which addresses may be connected to, as for `createProxy`. The default is that of the profile.',
  },
  /** As for `createProxy`. The default is that of the profile. Default: `'fallback'`. */
  convertHead: {
    ...proxyDataOptions.convertHead,
    defaultText: "`'fallback'`",
    doc: 'As for `createProxy`. The default is that of the profile.',
  },
  /**
   * How to reach an `https:` URL: `ca`, `cert`, `key`, `servername`, as in `upstream.tls`. Default: Node's.
   */
  tls: {
    ...tlsOption,
    doc: 'How to reach an `https:` URL: `ca`, `cert`, `key`, `servername`, as in `upstream.tls`.',
  },
  /** As `upstream.egressProxy`: needs `addresses: 'any'`. Default: none. */
  egressProxy: { ...egressOption, doc: "As `upstream.egressProxy`: needs `addresses: 'any'`." },
  /** As `upstream.protocol`. Default: `'http1'`. */
  protocol: { ...protocolOption, doc: 'As `upstream.protocol`.' },
  /**
   * The hash of the file, such as `'sha256:<hex>'`, or a member of `Repr-Digest`: see digests. A response
   * with other content is aborted before its end. Default: none.
   */
  digest,
};

const { upstream: _, ...sharedOptions } = proxyDataOptions;
const { onRequest: __, ...hooks } = hookOptions;

const dataOptions = { ...sharedOptions, ...streamerOwnOptions };

const streamerOptions: typeof dataOptions & typeof hooks = { ...dataOptions, ...hooks };

/** The options of `createStreamer` and `streamFrom`. The URL of the call replaces the upstream. */
export interface StreamFromOptions<Context = unknown>
  extends OptionsOf<typeof dataOptions>,
    Omit<Hooks<Context>, 'onRequest'> {}

/** Checks all options. Throws an `OptionsError` that lists every problem, including those already in `check`. */
export function resolveStreamerOptions(
  options: StreamFromOptions,
  check: Checker,
  makeTransport?: typeof createTransport,
): { settings: ProxySettings; digest: Digest | null } {
  const {
    tls,
    egressProxy,
    protocol,
    digest: expected,
    ...shared
  } = resolve(streamerOptions, withoutTargets(options, check), check);
  const upstream = { ...upstreamDefaults(), tls, egressProxy, protocol };
  const settings = toProxySettings(check, shared, { ...upstream, path: '' }, makeTransport);
  check.throwIfAny();
  return { settings: settings(), digest: expected ?? null };
}

/** Reports options of `createProxy` that select a target with a specific message. */
function withoutTargets(options: object, check: Checker): object {
  if (typeof options !== 'object' || options === null) return options;
  const others: Record<string, unknown> = { ...options };
  const found = ['upstream', 'onRequest'].filter((name) => others[name] !== undefined);
  if (found.length === 0) return options;
  for (const name of found) {
    check.problem(name, 'cannot be given here: the URL of the call is the target');
    delete others[name];
  }
  return others;
}
