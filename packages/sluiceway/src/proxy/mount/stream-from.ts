import type { ClientRequest, ClientResponse } from '../../downstream/exchange.js';
import type { Outcome } from '../../errors.js';
import { publicAddressesOfOthers } from '../../net/own-listeners.js';
import { Checker } from '../../options/checker.js';
import { createTransport, type UpstreamProtocol } from '../../upstream/create-transport.js';
import type { Transport } from '../../upstream/transport.js';
import type { TransportOptions } from '../../upstream/transport-options.js';
import { type FileUrl, makeStreamer, type StreamCallOptions, Streamer } from './streamer.js';
import type { StreamFromOptions } from './streamer-options.js';

/** The streamers of earlier calls, one per options object. */
const streamers = new WeakMap<StreamFromOptions, Streamer>();
const defaults: StreamFromOptions = {};

/** Calls whose transports would be equal share connections, even if they pass separate options objects. */
const transports = new Map<string, Transport>();

/**
 * Answers a request with the file at `url`, streamed as it arrives: status, permitted fields and content. A client's
 * range is requested from the origin server. Resolves with the outcome when the response has ended, and never rejects
 * (except with `errors: 'throw'`). Throws an `OptionsError` immediately if an option is invalid.
 *
 * Use this for a script or a single request. A server should call `createStreamer` once and use its `handle`: the
 * options are checked when the server starts, and it can be closed. You can pass its result instead of options.
 *
 * By default, the URL is treated as supplied by a user. Only public addresses are connected to (checked on the address
 * that is dialled, also after redirects), only GET and HEAD are served, the client's secrets are not sent, and cookies
 * and active content are not returned (profile `thirdParty`). For a URL that you trust, `{ profile: passThrough,
 * addresses: 'any' }` relays all methods, request content and all end-to-end fields.
 *
 * Several URLs are those of one file, in order of preference. If one fails, the next one takes over, also in the middle
 * of the file if it provably has the same file.
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

/** Returns the streamer of all calls with these options. */
export function toStreamer<Context>(
  options: StreamFromOptions<Context> | Streamer<Context>,
): Streamer<Context> {
  if (options instanceof Streamer) return options;
  // Hooks are called only with the context of a call with these options.
  const given = options as StreamFromOptions;
  let streamer = streamers.get(given);
  if (streamer === undefined) {
    streamer = makeSharingStreamer(given, new Checker('streamFrom'));
    streamers.set(given, streamer);
  }
  return streamer;
}

/** Creates a streamer that is never closed and shares connections with others of its kind. */
export const makeSharingStreamer = (options: StreamFromOptions, check: Checker): Streamer =>
  makeStreamer(options, check, options.tls === undefined ? sharedTransport : undefined);

function sharedTransport(options: TransportOptions, protocol: UpstreamProtocol): Transport {
  const { policy, ...numbers } = options;
  const key = JSON.stringify([policy === publicAddressesOfOthers, protocol, numbers]);
  const transport = transports.get(key) ?? createTransport(options, protocol);
  transports.set(key, transport);
  return transport;
}
