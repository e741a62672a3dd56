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

/** The arguments of hooks that change a request. */
export interface RequestMessages<Context = unknown> {
  request: DownstreamRequest<Context>;
  /**
   * The request that is about to be sent. In `transform.request.create` with `changesContent`, the digests of the client's
   * bytes are already removed, and the fields that you set here describe the new content: `Content-Encoding`.
   */
  upstreamRequest: UpstreamRequestDraft;
}

/** Whether streams change the bytes. A function decides for each request, before it is sent. */
export type ChangesContent<Context = unknown> =
  | boolean
  | ((messages: { request: DownstreamRequest<Context> }) => boolean);

/**
 * Streams through which the content of requests passes on its way to the origin server, with backpressure and bounded
 * memory. Not used for requests without content, and for content that hooks supply.
 */
export interface RequestTransform<Context = unknown> {
  /**
   * Whether the streams change the bytes. True: digests of the client's content are removed from the request, its length
   * is not announced (chunked over HTTP/1.1), and a part (`Content-Range`) is refused with 400. False: the streams only
   * inspect or delay the content. The head stays unchanged, and the request is aborted if a different number of bytes comes
   * out. A function decides for each request, before it is sent.
   */
  changesContent: ChangesContent<Context>;
  /**
   * Creates the streams for one request, in the order in which the content passes through them. Null or undefined sends
   * the content unchanged. Called after `onUpstreamRequest`. The streams must be new and carry bytes: a stream in object mode
   * is refused. If this function throws, the request is refused before the origin server gets it. If a stream fails, the
   * request to the origin server is visibly aborted. In both cases the client gets 502, or the status of the
   * `SluicewayError`, unless the response has begun. All streams are destroyed when the transfer ends early, for any reason.
   */
  create(messages: RequestMessages<Context>): MaybePromise<Duplex | readonly Duplex[] | null | undefined>;
}

/**
 * Streams through which the content of responses passes on its way to the client, with backpressure and bounded memory.
 * Not used for responses without content, for tunnels, and for content that hooks supply.
 */
export interface ResponseTransform<Context = unknown> {
  /**
   * Whether the streams change the bytes. True: length, validators, digests and ranges of the origin server's content
   * are removed from the response, ranges are not requested, and a response with `Cache-Control: no-transform` is not
   * transformed (RFC 9110 section 7.7). False: the streams only inspect or delay the content. The head stays unchanged,
   * and a transfer is aborted if a different number of bytes comes out. A function decides for each request, before it
   * is sent.
   */
  changesContent: ChangesContent<Context>;
  /**
   * Creates the streams for one response, in the order in which the content passes through them. Null or undefined
   * relays the content unchanged. Called after `onUpstreamResponse`. The streams must be new and carry bytes: a stream in
   * object mode is refused. If this function throws, the response is refused (502). If a stream fails, the transfer is
   * visibly aborted, because the head has been sent. All streams are destroyed when the transfer ends early, for any reason.
   */
  create(messages: ResponseMessages<Context>): MaybePromise<Duplex | readonly Duplex[] | null | undefined>;
}

/** Streams through which content passes. */
export interface Transform<Context = unknown> {
  /** For the content of requests. Default none. */
  request?: RequestTransform<Context>;
  /** For the content of responses. Default none. */
  response?: ResponseTransform<Context>;
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
  onUpstreamRequest?: (messages: RequestMessages<Context>) => MaybePromise<void>;
  /** May change the response's head or content, or throw to refuse the response (502). Also called for 101. */
  onUpstreamResponse?: (messages: ResponseMessages<Context>) => MaybePromise<void>;
  /** Changes, inspects or delays content while it is transferred. */
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
