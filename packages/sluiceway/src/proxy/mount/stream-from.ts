import type { ClientRequest, ClientResponse } from '../../downstream/exchange.js';
import type { Outcome } from '../../errors.js';
import { publicAddressesOfOthers } from '../../net/own-listeners.js';
import { Checker } from '../../options/checker.js';
import { createTransport, type UpstreamProtocol } from '../../upstream/create-transport.js';
import type { Transport } from '../../upstream/transport.js';
import type { TransportOptions } from '../../upstream/transport-options.js';
import { type FileUrl, makeStreamer, type StreamCallOptions, Streamer } from './streamer.js';
import type { StreamFromOptions } from './streamer-options.js';

/** Those of earlier calls, one for each options object. */
const streamers = new WeakMap<StreamFromOptions, Streamer>();
const defaults: StreamFromOptions = {};

/** Connections are shared by all calls whose transports would be equal, however often their options are written out. */
const transports = new Map<string, Transport>();

/**
 * Answers a request with the file at `url`, relayed while it arrives: status, the fields that may pass, the
 * content; a range that the client asks for is asked for. Resolves with the outcome when the response has ended,
 * and never rejects (but for `errors: 'throw'`). Throws an `OptionsError` at once where an option is not valid.
 *
 * This is for a script or a single request. A server calls `createStreamer` once, whose `handle` does the same: its options
 * are checked when the server starts, and it can be closed. Given in place of options, it answers.
 *
 * By default the URL is taken for one that a user supplied: only public addresses are connected to (judged on the
 * address actually dialled, also after redirects), only GET and HEAD are served, nothing of the client's secrets
 * goes out, no cookies and nothing active comes in (profile `thirdParty`). For a URL that you trust,
 * `{ profile: passThrough, addresses: 'any' }` relays all methods, request content and all end-to-end fields.
 *
 * Several URLs are those of one file, asked in the order given: where one fails, the next one takes over, in the middle of
 * the file too, if it proves to have the same.
 */
export function streamFrom<Context = unknown>(
  request: ClientRequest,
  response: ClientResponse,
  url: FileUrl,
  options: StreamFromOptions<Context> | Streamer<Context> = defaults,
  callOptions: StreamCallOptions<Context> = {},
): Promise<Outcome> {
  return toStreamer(options).handle(request, response, url, callOptions);
}

/** The streamer of all calls with these options. */
export function toStreamer<Context>(
  options: StreamFromOptions<Context> | Streamer<Context>,
): Streamer<Context> {
  if (options instanceof Streamer) return options;
  // Hooks are only ever called with the context of a call that had these options.
  const given = options as StreamFromOptions;
  let streamer = streamers.get(given);
  if (streamer === undefined) {
    streamer = makeSharingStreamer(given, new Checker('streamFrom'));
    streamers.set(given, streamer);
  }
  return streamer;
}

/** A streamer that is never closed, and shares connections with others of its kind. */
export const makeSharingStreamer = (options: StreamFromOptions, check: Checker): Streamer =>
  makeStreamer(options, check, options.tls === undefined ? sharedTransport : undefined);

function sharedTransport(options: TransportOptions, protocol: UpstreamProtocol): Transport {
  const { policy, ...numbers } = options;
  const key = JSON.stringify([policy === publicAddressesOfOthers, protocol, numbers]);
  const transport = transports.get(key) ?? createTransport(options, protocol);
  transports.set(key, transport);
  return transport;
}
