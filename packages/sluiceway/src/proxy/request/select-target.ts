import { type ErrorCode, type Outcome, SluicewayError, toSluicewayError, toWarning } from '../../errors.js';
import type { Digest } from '../../http/digest.js';
import { type BaseTarget, parseBaseTarget } from '../../http/target.js';
import type { LimitTarget } from '../../limits/keys.js';
import { BalancedTransfer } from '../../upstream/group/balanced-transfer.js';
import type { ConnectionLimit } from '../../upstream/group/connection-limit.js';
import { UpstreamGroup } from '../../upstream/group/group.js';
import { type Target, toTarget } from '../../upstream/target.js';
import type { DownstreamRequest } from '../messages/downstream-request.js';
import type { HandleContext } from '../messages/handle-context.js';
import { type Hooks, runHook } from '../messages/hooks.js';
import type { MaybePromise } from '../messages/maybe-promise.js';
import type { Answer } from '../messages/responses.js';
import {
  joinToUpstream,
  type SelectingTransfer,
  type Selection,
  type Selector,
} from '../messages/selection.js';
import type { UpstreamRequestDraft } from '../messages/upstream-request.js';
import type { GroupGuards } from '../options/group-guards.js';
import type { ProxySettings } from '../options/proxy-settings.js';

/** The selector of `createProxy`. Tries the hook `onRequest`, then the URL of the context, then the upstream. */
export function createSelector({
  upstream,
  mirrors,
  hooks,
  guards,
  connectionLimit,
}: Pick<ProxySettings, 'upstream' | 'mirrors' | 'hooks' | 'guards' | 'connectionLimit'>): Selector {
  const byUpstream = upstream === null ? null : toSelector(upstream, mirrors, connectionLimit);
  const byUrl = new UrlSelector(null, byUpstream);
  return hooks.onRequest === undefined
    ? byUrl
    : new HookSelector(hooks.onRequest, byUrl, guards, connectionLimit);
}

const toSelector = (
  upstream: BaseTarget | UpstreamGroup,
  mirrors: readonly BaseTarget[],
  limit: ConnectionLimit | null,
): Selector =>
  upstream instanceof UpstreamGroup
    ? new GroupSelector(upstream, limit)
    : new UpstreamSelector(upstream, mirrors);

/** A fixed upstream. Joins the request's path and query to its URL and to those of its mirrors. */
class UpstreamSelector implements Selector {
  readonly #upstream: BaseTarget;
  readonly #mirrors: readonly BaseTarget[];

  constructor(upstream: BaseTarget, mirrors: readonly BaseTarget[]) {
    this.#upstream = upstream;
    this.#mirrors = mirrors;
  }

  select(request: DownstreamRequest): Selection {
    const mirrors = this.#mirrors.map((mirror) => joinToUpstream(request, mirror));
    return { target: joinToUpstream(request, this.#upstream), mirrors, joinedTo: this.#upstream };
  }
}

/** A group of servers. Joins the request's path and query to the URL of the server that is chosen. */
class GroupSelector implements Selector {
  readonly #group: UpstreamGroup;
  readonly #limit: ConnectionLimit | null;

  constructor(group: UpstreamGroup, limit: ConnectionLimit | null) {
    this.#group = group;
    this.#limit = limit;
  }

  async select(request: DownstreamRequest, transfer: SelectingTransfer): Promise<Selection> {
    return selectFromGroup(this.#group, request, transfer, this.#limit);
  }
}

async function selectFromGroup(
  group: UpstreamGroup,
  request: DownstreamRequest,
  transfer: SelectingTransfer,
  limit: ConnectionLimit | null,
): Promise<Selection> {
  // Only the first requests wait.
  const { resolving } = group;
  if (resolving !== null) await resolving;
  const join = (base: BaseTarget): Target => joinToUpstream(request, base);
  const begun = BalancedTransfer.begin(group, request, transfer, join, limit);
  const balanced = begun instanceof BalancedTransfer ? begun : await begun;
  return {
    target: balanced.target,
    mirrors: [],
    joinedTo: balanced.base,
    balanced,
    end: (outcome) => balanced.end(outcome),
  };
}

/** Selects the URL that is passed to `handle` with the request, as an exact target. Without one, the fallback selects. */
export class UrlSelector implements Selector {
  readonly #digest: Digest | null;
  readonly #fallback: Selector | null;

  /** `digest` is expected of every file. */
  constructor(digest: Digest | null = null, fallback: Selector | null = null) {
    this.#digest = digest;
    this.#fallback = fallback;
  }

  select(
    request: DownstreamRequest,
    transfer: SelectingTransfer,
    context: HandleContext,
  ): MaybePromise<Answer | Selection> {
    const { url, mirrors = [] } = context;
    if (url === undefined) {
      if (this.#fallback !== null) return this.#fallback.select(request, transfer, context);
      throw new SluicewayError('proxy_configuration_error', 'No upstream is set, and onRequest chose none');
    }
    // The URL usually comes from the client.
    return orError('http_request_error', () => ({
      target: toTarget(url),
      mirrors: mirrors.map(toTarget),
      joinedTo: null,
      digest: this.#digest,
    }));
  }
}

/** The hook `onRequest`. If it neither answers nor chooses an upstream, the fallback selects. */
class HookSelector implements Selector {
  readonly #hook: NonNullable<Hooks['onRequest']>;
  readonly #fallback: Selector;
  readonly #guards: GroupGuards;
  readonly #limit: ConnectionLimit | null;

  constructor(
    hook: NonNullable<Hooks['onRequest']>,
    fallback: Selector,
    guards: GroupGuards,
    limit: ConnectionLimit | null,
  ) {
    this.#limit = limit;
    this.#hook = hook;
    this.#fallback = fallback;
    this.#guards = guards;
  }

  async select(
    request: DownstreamRequest,
    transfer: SelectingTransfer,
    context: HandleContext,
  ): Promise<Answer | Selection> {
    const chosen = await runHook(this.#hook, { request });
    if (chosen === undefined) return this.#fallback.select(request, transfer, context);
    if ('status' in chosen) return chosen;
    if (chosen.upstream instanceof UpstreamGroup) {
      this.#guards.use(chosen.upstream);
      return selectFromGroup(chosen.upstream, request, transfer, this.#limit);
    }
    const url = chosen.upstream;
    return orError('proxy_configuration_error', () => {
      const upstream = parseBaseTarget(url);
      return { target: joinToUpstream(request, upstream), mirrors: [], joinedTo: upstream };
    });
  }
}

/**
 * Sets the draft's target, digest, size and fields from the selection. Those of the context take precedence.
 * `acceptEncoding` is the option.
 */
export function setTarget(
  draft: UpstreamRequestDraft,
  selection: Selection,
  context: HandleContext,
  acceptEncoding: 'pass' | 'identity',
): void {
  draft.setExactTarget(selection.target, selection.mirrors, selection.joinedTo);
  const digest = context.digest ?? selection.digest ?? null;
  if (digest !== null) draft.digest = digest;
  const size = context.size ?? selection.size ?? null;
  if (size !== null) draft.size = size;
  if ((selection.acceptEncoding ?? acceptEncoding) === 'identity')
    draft.headers.set('Accept-Encoding', 'identity');
  for (const [name, value] of Object.entries(selection.headers ?? NO_FIELDS)) draft.headers.set(name, value);
}

/** Tells a selection that its transfer is over. Null if that is done. Never rejects: the response has already ended. */
export function endSelection(selection: Selection, outcome: Outcome): Promise<void> | null {
  const warn = (thrown: unknown): void => process.emitWarning(toWarning(thrown));
  try {
    const ended = selection.end?.(outcome);
    return ended === undefined ? null : Promise.resolve(ended).catch(warn);
  } catch (thrown) {
    warn(thrown);
    return null;
  }
}

/** What limits count a request by once its target is selected. */
export const toLimitTarget = ({ target, link }: Selection): LimitTarget => ({
  link: link ?? null,
  upstream: target.base.host,
});

const NO_FIELDS: Readonly<Record<string, string>> = {};

function orError<T>(code: ErrorCode, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw toSluicewayError(error, code);
  }
}
