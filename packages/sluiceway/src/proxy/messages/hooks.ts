import type { Duplex } from 'node:stream';
import { describeThrown, isInstance, SluicewayError } from '../../errors.js';
import type { DownstreamRequest } from './downstream-request.js';
import type { MaybePromise } from './maybe-promise.js';
import type { Answer, DownstreamResponseDraft, UpstreamChoice, UpstreamResponse } from './responses.js';
import type { UpstreamRequest, UpstreamRequestDraft } from './upstream-request.js';

/** What hooks that change a response are given. */
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
 * Streams that the content of responses passes through on its way to the client, with backpressure and in bounded
 * memory. It has no part in responses without content, in tunnels, and in content of hooks.
 */
export interface Transform<Context = unknown> {
  /**
   * Whether the bytes differ afterwards. True: length, validators, digests and ranges of the origin server's content
   * are removed from the response, ranges are not asked for, and a response with `Cache-Control: no-transform` passes
   * untransformed (RFC 9110 section 7.7). False: bytes are only looked at or held back for a while; the head stays, and
   * a transfer of which another number of bytes comes out is broken off. A function decides for each request, before
   * it is sent.
   */
  changesContent: boolean | ((messages: { request: DownstreamRequest<Context> }) => boolean);
  /**
   * Makes the streams for one response, in the order in which the content passes them; null or nothing leaves it as
   * it is. They must be new, and carry bytes: a stream in object mode is refused. What this throws refuses the
   * response (502); what a stream fails with breaks the transfer off visibly, since the head is sent by then. All
   * streams are destroyed when the transfer ends early, whoever is to blame.
   */
  create(messages: ResponseMessages<Context>): MaybePromise<Duplex | readonly Duplex[] | null | undefined>;
}

/**
 * Steps of the data path that an application may change. Each may be async; whatever one throws ends the transfer.
 * `Context` is what the application gives to `handle` as `context`.
 */
export interface Hooks<Context = unknown> {
  /** Before anything is sent: may answer by itself, or choose the upstream. Undefined goes on. */
  onRequest?: (messages: {
    request: DownstreamRequest<Context>;
  }) => MaybePromise<Answer | UpstreamChoice | undefined | void>;
  /**
   * May change the request that is about to be sent. The client's hop-by-hop fields are already gone, so that a
   * client cannot have removed what is added here.
   */
  onUpstreamRequest?: (messages: {
    request: DownstreamRequest<Context>;
    upstreamRequest: UpstreamRequestDraft;
  }) => MaybePromise<void>;
  /** May change the response head or content, or throw to refuse the response (502). Called for 101 too. */
  onUpstreamResponse?: (messages: ResponseMessages<Context>) => MaybePromise<void>;
  /** Content that is changed, inspected or held back while it passes. Called after `onUpstreamResponse`. */
  transform?: Transform<Context>;
  /**
   * A failure before the response head was sent: may answer in place of the default problem report. `request` is null
   * if it could not be read.
   */
  onError?: (messages: {
    error: SluicewayError;
    request: DownstreamRequest<Context> | null;
  }) => MaybePromise<Answer | undefined | void>;
}

/** Calls a hook. What it throws, unless it is a `SluicewayError`, becomes an answer of 502 that tells nothing. */
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
