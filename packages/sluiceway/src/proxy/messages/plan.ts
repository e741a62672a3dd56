import type { Outcome, SluicewayError } from '../../errors.js';
import type { Digest } from '../../http/digest.js';
import type { Fields } from '../../http/fields.js';
import type { RateLimit } from '../../stream/rate-limit.js';
import type { Target } from '../../upstream/target.js';
import type { TransportResponse } from '../../upstream/transport.js';
import type { DownstreamRequest } from './downstream-request.js';
import type { Answer, DownstreamResponseDraft } from './responses.js';

/**
 * What is decided for one request beyond the options of its proxy: by a gateway, for the link that the request came
 * with. The steps of the data path ask it in this order.
 */
export interface Plan {
  /** The exact URL to ask for. */
  readonly target: Target;
  /** Other places of the same file. */
  readonly mirrors: readonly Target[];
  /** Set on the upstream request. They are for the target's origin only, not for others that it redirects to. */
  readonly requestFields: Readonly<Record<string, string>>;
  /** What the file must hash to; null where that is not known. */
  readonly digest: Digest | null;
  /** Whether a target may be asked: the first one, and that of each redirect. */
  judge(target: Target): SluicewayError | null;
  /** Judges the final response, and changes its head. May answer in its place. What it throws refuses the response. */
  onResponse(received: TransportResponse, draft: DownstreamResponseDraft): Answer | null;
  /** Limits of the content that the client gets. Asked after `onResponse`. */
  contentLimits(): ContentLimits;
  /** The transfer is over. Called once. */
  end(outcome: Outcome): void;
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

/** Of a transfer, what a planner needs. */
export interface PlannedTransfer {
  /** Calls the listener when there is nothing to decide any more. */
  onAborted(listener: (error: SluicewayError) => void): void;
  /** Ends the transfer, at any time. */
  abort(error: SluicewayError): void;
}

/** What a gateway adds to the data path of its proxy. */
export interface Planner {
  /**
   * Decides what becomes of a request, before anything is looked up or connected to. What it throws is answered.
   */
  plan(downstream: DownstreamRequest, transfer: PlannedTransfer): Answer | Plan | Promise<Answer | Plan>;
  /** A request's path as records and observers shall see it. */
  readonly hidePath: (path: string) => string;
  /** Completes the head of each final response, of those to failures too. */
  completeHead(fields: Fields, downstream: DownstreamRequest): void;
}
