import type { Outcome, SluicewayError } from '../../errors.js';
import type { Digest } from '../../http/digest.js';
import { type BaseTarget, joinTarget } from '../../http/target.js';
import type { RateLimit } from '../../stream/rate-limit.js';
import type { Target } from '../../upstream/target.js';
import type { TransportResponse } from '../../upstream/transport.js';
import type { DownstreamRequest } from './downstream-request.js';
import type { HandleContext } from './handle-context.js';
import type { MaybePromise } from './maybe-promise.js';
import type { Answer, DownstreamResponseDraft } from './responses.js';

/**
 * Chooses where a request goes, or answers it. Implemented by a fixed upstream, the hook `onRequest` and a URL
 * (`request/select-target.ts`), and by the grants of a gateway. Called once for each request, before anything is looked up
 * or connected to. What it rejects with is answered.
 */
export interface Selector {
  select(
    request: DownstreamRequest,
    transfer: SelectingTransfer,
    context: HandleContext,
  ): Promise<Answer | Selection>;
}

/** Of a transfer, what a selector needs. */
export interface SelectingTransfer {
  /**
   * Aborted when the transfer is, with its `SluicewayError` as the reason: a selector need not go on then. Made when it is
   * read first.
   */
  readonly signal: AbortSignal;
  /** Ends the transfer, at any time. */
  abort(error: SluicewayError): void;
}

/** Where one request goes, and what holds for it. The steps of the data path ask the methods in this order. */
export interface Selection {
  /** The exact URL to ask for. */
  readonly target: Target;
  /** Exact URLs of the same file on other servers, in the order in which they are asked if the ones before fail. */
  readonly mirrors: readonly Target[];
  /** The URL to which the request's path was joined; null for an exact target. */
  readonly joinedTo: BaseTarget | null;
  /** What the file must hash to; null if that is not known. */
  readonly digest?: Digest | null;
  /** Set on the upstream request. They are for the target's origin only, not for others that it redirects to. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Why a target must not be asked, or null: called for the first one, and for that of each redirect. */
  check?(target: Target): MaybePromise<SluicewayError | null>;
  /** Checks the final response, and changes its head. May answer in its place. What it throws refuses the response. */
  checkResponse?(received: TransportResponse, draft: DownstreamResponseDraft): MaybePromise<Answer | null>;
  /** Limits of the content that the client gets. Asked after `checkResponse`. */
  contentLimits?(): ContentLimits;
  /** The transfer is over. Called once, whatever else was. */
  end?(outcome: Outcome): MaybePromise<void>;
}

/** Limits of the content of one response. */
export interface ContentLimits {
  /** Shown each chunk before it is delivered; null where nothing counts them. */
  onContent: ((bytes: Uint8Array) => void) | null;
  /** Bytes of content; null for no limit. */
  maxBytes: number | null;
  /** What longer content fails with. */
  toTooLongError: () => Error;
  /** May be shared with other responses; null for no limit. */
  rate: RateLimit | null;
}

export const isAnswer = (selected: Answer | Selection): selected is Answer => 'status' in selected;

/** The target of a request at an upstream: its path and query joined to the URL's. */
export function joinToUpstream(
  { path, query, isMountPoint }: DownstreamRequest,
  upstream: BaseTarget,
): Target {
  return { base: upstream, path: joinTarget(upstream, isMountPoint ? null : path, query) };
}
