import type { Outcome, SluicewayError } from '../../errors.js';
import type { Digest } from '../../http/digest.js';
import type { SidecarLocation } from '../../http/sidecar.js';
import { type BaseTarget, joinTarget } from '../../http/target.js';
import type { LimitedTransfer } from '../../limits/admission.js';
import type { BalancedTransfer } from '../../upstream/group/balanced-transfer.js';
import type { Progress } from '../../upstream/group/server-use.js';
import type { Target } from '../../upstream/target.js';
import type { TransportResponse } from '../../upstream/transport.js';
import type { DownstreamRequest } from './downstream-request.js';
import type { HandleContext } from './handle-context.js';
import type { MaybePromise } from './maybe-promise.js';
import type { Answer, DownstreamResponseDraft } from './responses.js';

/**
 * Chooses the target of a request, or answers it. Implemented by a fixed upstream, the hook `onRequest` and a URL
 * (`request/select-target.ts`), and by the grants of a gateway. Called once per request, before any lookup or
 * connection. An error is answered. What is known without waiting is returned as it is.
 */
export interface Selector {
  select(
    request: DownstreamRequest,
    transfer: SelectingTransfer,
    context: HandleContext,
  ): MaybePromise<Answer | Selection>;
}

/** The part of a transfer that a selector needs. */
export interface SelectingTransfer extends Progress, LimitedTransfer {
  /**
   * Aborted with the transfer, with its `SluicewayError` as the reason, so that a selector can stop. Created on first
   * access.
   */
  readonly signal: AbortSignal;
}

/** The target of one request, and the rules for it. The methods are called in this order. */
export interface Selection {
  /** The exact URL to request. */
  readonly target: Target;
  /** Exact URLs of the same file on other servers. If a server fails, the next one is used, in this order. */
  readonly mirrors: readonly Target[];
  /** The use of a group of servers, one of which has the target. Absent: the target is not of a group. */
  readonly balanced?: BalancedTransfer;
  /** The URL to which the request's path was joined. Null for an exact target. */
  readonly joinedTo: BaseTarget | null;
  /** The hash of the file. Null if unknown. */
  readonly digest?: Digest | null;
  /** Where the checksum file of the file is. Null or absent: as the options say. */
  readonly digestSidecar?: SidecarLocation | null;
  /** The length of the file in bytes. Null or absent: unknown. */
  readonly size?: number | null;
  /** Id of the signed link. Null or absent: there is none. */
  readonly link?: string | null;
  /** Replaces the option `acceptEncoding`. Null or absent: as the option says. */
  readonly acceptEncoding?: 'pass' | 'identity' | null;
  /** Set on the upstream request. Sent only to the target's origin, not to other origins after a redirect. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Returns why a target must not be requested, or null. Called for the first target and for that of each redirect. */
  check?(target: Target): MaybePromise<SluicewayError | null>;
  /**
   * Checks the final response and changes its head. May return an answer to replace it. Throws to refuse the response.
   */
  checkResponse?(received: TransportResponse, draft: DownstreamResponseDraft): MaybePromise<Answer | null>;
  /** Limits of the content that the client gets. Called after `checkResponse`. */
  contentLimits?(): ContentLimits;
  /** Called once when the transfer has ended, with any outcome. */
  end?(outcome: Outcome): MaybePromise<void>;
}

/** Limits of the content of one response. */
export interface ContentLimits {
  /** Called with each chunk before it is delivered. Null if chunks are not counted. */
  onContent: ((bytes: Uint8Array) => void) | null;
  /** Bytes of content. Null for no limit. */
  maxBytes: number | null;
  /** Creates the error for longer content. */
  toTooLongError: () => Error;
}

export const isAnswer = (selected: Answer | Selection): selected is Answer => 'status' in selected;

/** Returns the target of a request at an upstream: its path and query joined to the URL's. */
export function joinToUpstream(
  { path, query, isMountPoint }: DownstreamRequest,
  upstream: BaseTarget,
): Target {
  return { base: upstream, path: joinTarget(upstream, isMountPoint ? null : path, query) };
}
