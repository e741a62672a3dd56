import type { ClientRequest, ClientResponse } from '../../downstream/exchange.js';
import type { Outcome } from '../../errors.js';
import { charsetOf, isUtf8 } from '../../http/charset.js';
import type { HandleContext } from '../../proxy/messages/handle-context.js';
import type { Handler } from '../../proxy/messages/handler.js';
import { streamFrom as streamFromUrl } from '../../proxy/mount/stream-from.js';
import type { FileUrl, Streamer } from '../../proxy/mount/streamer.js';
import type { StreamFromOptions } from '../../proxy/mount/streamer-options.js';
import { findTouch } from '../../stream/untouched.js';
import { type AdapterOptions, guardResponse, resolveAdapter, serve } from '../shared/adapter.js';
import { addFields, type HonoContext, placeholder, ResponseGuard } from './hono-response.js';

/** Never sent: the client disconnected before the head. */
const GONE = 499;

/**
 * Converts a proxy, a gateway, or the result of `stripPrefix` or `mount` to a handler for Hono 4 on
 * `@hono/node-server`: `app.all('/files/*', toHono(stripPrefix('/files', proxy)))`. It uses Node's own request and
 * response, and returns when the transfer has ended. Hooks get Hono's context as `request.context`. Fields that
 * middleware has set with `c.header` are sent too. Failures before the response go to `app.onError`, unless `errors` is
 * `answer`. Throws an `OptionsError` for invalid options.
 */
export function toHono<Context extends HonoContext = HonoContext>(
  handler: Handler<Context>,
  options: AdapterOptions = {},
): (c: Context) => Promise<Response> {
  const { errors, reusesParsedBody } = resolveAdapter('toHono', handler, options);
  return async function sluiceway(c) {
    const { incoming } = nodePair(c);
    const content = reusesParsedBody ? await restoreContent(c, incoming) : undefined;
    return respond(c, (request, response, context) =>
      serve(handler, request, response, { ...context, errors, ...(content !== undefined && { content }) }),
    );
  };
}

/** A single object for all calls, so that they share a proxy. */
const DEFAULTS: StreamFromOptions = {};

/**
 * Answers with the file at `url`, like `streamFrom` of `sluiceway`. Return the result from a Hono handler:
 * `app.get('/file', (c) => streamFrom(c, url, files))`. `files` is the result of `createStreamer`: its options are
 * checked when the application starts, and it can be closed. Rejects with a failure before the response, for
 * `app.onError`, unless `errors` is `answer`.
 */
export function streamFrom<Context extends HonoContext>(
  c: Context,
  url: FileUrl,
  options: StreamFromOptions<Context> | Streamer<Context> = DEFAULTS,
): Promise<Response> {
  const { errors = 'throw' } = options;
  return respond(c, (request, response, context) =>
    guardResponse(request, response, { ...context, errors }, (known) =>
      streamFromUrl(request, response, url, options, known),
    ),
  );
}

type Send<Context> = (
  request: ClientRequest,
  response: ClientResponse,
  context: HandleContext<Context>,
) => Promise<Outcome>;

interface NodePair {
  incoming: ClientRequest;
  outgoing: ClientResponse;
}

/** Sends through Node's objects. The returned response represents what was sent, for middleware that reads it. */
async function respond<Context extends HonoContext>(c: Context, send: Send<Context>): Promise<Response> {
  const { incoming, outgoing } = nodePair(c);
  let sent: Response | null = null;
  const guard = new ResponseGuard(outgoing);
  try {
    await send(incoming, outgoing, {
      context: c,
      onHead({ status, headers }) {
        sent = placeholder(c, status);
        addFields(headers, sent.headers);
        queueMicrotask(() => guard.install());
      },
    });
  } finally {
    guard.over();
  }
  return sent ?? placeholder(c, GONE);
}

function nodePair({ env }: HonoContext): NodePair {
  const { incoming, outgoing } = (env ?? {}) as Partial<NodePair>;
  if (incoming === undefined || outgoing === undefined) {
    throw new TypeError(
      'c.env has no Node request and response: sluiceway/hono requires @hono/node-server; on other hosts, use sluiceway/fetch',
    );
  }
  return { incoming, outgoing };
}

/** Content that Hono has read in these ways is available as the client's bytes. */
const EXACT = ['arrayBuffer', 'blob'];
/** U+FFFD, which replaces text that was not UTF-8. */
const REPLACEMENT = Buffer.from('\ufffd');
/** Content that Hono has read in these ways can be read again with the same result. */
const RESTORABLE = ['json', 'text', 'arrayBuffer', 'blob'];
const FORM = 'application/x-www-form-urlencoded';

/**
 * Restores request content from what Hono has kept of it. Undefined if it was not read, and for forms with files, which
 * the proxy then refuses.
 */
async function restoreContent(
  { req }: HonoContext,
  incoming: ClientRequest,
): Promise<Uint8Array | undefined> {
  if (findTouch(incoming) === null) return undefined;
  const kept = Object.keys(req.bodyCache);
  const type = incoming.headers['content-type'];
  // Hono decodes all text as UTF-8.
  const inUtf8 = isUtf8(charsetOf(type));
  if (kept.some((kind) => RESTORABLE.includes(kind))) {
    const bytes = Buffer.from(await req.arrayBuffer());
    const isExact = inUtf8 || kept.some((kind) => EXACT.includes(kind));
    return isExact || (kept.includes('text') && !bytes.includes(REPLACEMENT)) ? bytes : undefined;
  }
  if (!kept.includes('formData') || type?.split(';', 1)[0]?.trim().toLowerCase() !== FORM) return undefined;
  const form = new URLSearchParams();
  for (const [name, value] of await req.formData()) {
    if (typeof value !== 'string' || (!inUtf8 && /[^\0-\x7f]/.test(name + value))) return undefined;
    form.append(name, value);
  }
  return Buffer.from(form.toString());
}
