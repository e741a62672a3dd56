import type { Duplex } from 'node:stream';
import { describeThrown, isInstance, SluicewayError } from '../../errors.js';
import type { DownstreamRequest } from './downstream-request.js';
import type { MaybePromise } from './maybe-promise.js';
import type { Answer, DownstreamResponseDraft, UpstreamChoice, UpstreamResponse } from './responses.js';
import type { UpstreamRequest, UpstreamRequestDraft } from './upstream-request.js';

/** The arguments of hooks that change a response. */
export interface ResponseMessages<Context = unknown> {
  request: DownstreamRequest<Context>;
  /** The request that the origin server answered. After redirects, it is the last one. */
  upstreamRequest: UpstreamRequest;
  upstreamResponse: UpstreamResponse;
  /**
   * The head that the client will get. In `transform.create` with `changesContent`, the fields that describe the exact
   * bytes are already removed, and the fields that you set here describe the new content: `Content-Encoding`, a weak `ETag`.
   */
  response: DownstreamResponseDraft;
}

/**
 * Streams through which the content of responses passes on its way to the client, with backpressure and bounded memory.
 * Not used for responses without content, for tunnels, and for content that hooks supply.
 */
export interface Transform<Context = unknown> {
  /**
   * Whether the streams change the bytes. True: length, validators, digests and ranges of the origin server's content
   * are removed from the response, ranges are not requested, and a response with `Cache-Control: no-transform` is not
   * transformed (RFC 9110 section 7.7). False: the streams only inspect or delay the content. The head stays unchanged,
   * and a transfer is aborted if a different number of bytes comes out. A function decides for each request, before it
   * is sent.
   */
  changesContent: boolean | ((messages: { request: DownstreamRequest<Context> }) => boolean);
  /**
   * Creates the streams for one response, in the order in which the content passes through them. Null or undefined
   * relays the content unchanged. The streams must be new and carry bytes: a stream in object mode is refused. If this
   * function throws, the response is refused (502). If a stream fails, the transfer is visibly aborted, because the
   * head has been sent. All streams are destroyed when the transfer ends early, for any reason.
   */
  create(messages: ResponseMessages<Context>): MaybePromise<Duplex | readonly Duplex[] | null | undefined>;
}

/**
 * Functions that change requests and responses. Each may be async. If one throws, the transfer ends. `Context` is the
 * type of the `context` that the application passes to `handle`.
 */
export interface Hooks<Context = unknown> {
  /** Called before anything is sent. May return an answer or choose the upstream. Undefined continues. */
  onRequest?: (messages: {
    request: DownstreamRequest<Context>;
  }) => MaybePromise<Answer | UpstreamChoice | undefined | void>;
  /**
   * May change the request before it is sent. The client's hop-by-hop fields have already been removed, so a client
   * cannot remove fields that are added here.
   */
  onUpstreamRequest?: (messages: {
    request: DownstreamRequest<Context>;
    upstreamRequest: UpstreamRequestDraft;
  }) => MaybePromise<void>;
  /** May change the response's head or content, or throw to refuse the response (502). Also called for 101. */
  onUpstreamResponse?: (messages: ResponseMessages<Context>) => MaybePromise<void>;
  /** Changes, inspects or delays content while it is transferred. Called after `onUpstreamResponse`. */
  transform?: Transform<Context>;
  /**
   * Called for a failure before the response head was sent. May return an answer to replace the default problem report.
   * `request` is null if it could not be read.
   */
  onError?: (messages: {
    error: SluicewayError;
    request: DownstreamRequest<Context> | null;
  }) => MaybePromise<Answer | undefined | void>;
}

/** Calls a hook. An error that is not a `SluicewayError` becomes a 502 whose answer has no details. */
export async function runHook<A, R>(
  hook: ((argument: A) => MaybePromise<R>) | undefined,
  argument: A,
): Promise<Exclude<R, void> | undefined> {
  try {
    return ((await hook?.(argument)) ?? undefined) as Exclude<R, void> | undefined;
  } catch (thrown) {
    if (isInstance(thrown, SluicewayError)) throw thrown;
    const message = describeThrown(thrown);
    throw new SluicewayError('proxy_internal_error', `A hook failed: ${message}`, {
      cause: thrown,
      status: 502,
    });
  }
}
