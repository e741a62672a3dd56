import type { ClientRequest, ClientResponse } from '../downstream/exchange.js';
import type { Outcome } from '../errors.js';
import type { Fields } from '../http/fields.js';
import type { Handler } from '../proxy/handler.js';
import type { HandleContext } from '../proxy/passage.js';
import { type StreamFromOptions, streamFrom as streamFromUrl } from '../proxy/stream-from.js';
import { findTouch } from '../stream/untouched.js';
import { type AdapterOptions, guardResponse, resolveAdapter, serve } from './adapter.js';

/** What is needed of a context of Hono 4: `Context` of its types is one. */
export interface HonoContext {
  readonly env: unknown;
  readonly req: {
    readonly bodyCache: object;
    arrayBuffer(): Promise<ArrayBuffer>;
    formData(): Promise<FormData>;
  };
  /** Hono lists the statuses that there are; `never` is any list of them. */
  newResponse(data: null, status: never, headers: Record<string, string>): Response;
}

/** Says to `@hono/node-server` that there is nothing left to send. */
const ALREADY_SENT = 'x-hono-already-sent';
/** Of the response as it is, whatever middleware has set before. */
const OF_CONTENT: ReadonlySet<string> = new Set([ALREADY_SENT, 'content-type', 'content-length']);
/** Of these, several lines hold together: one of the application must not take the place of one that protects a file. */
const ADDED: ReadonlySet<string> = new Set(['set-cookie', 'vary', 'content-security-policy']);
/** A `Response` can have no other. */
const MAX_STATUS = 599;
/** Never sent: for a client that has left before the head. */
const GONE = 499;

/**
 * A handler of Hono 4 on `@hono/node-server` for a proxy, a gateway, or what `stripPrefix` and `mount` make of them:
 * `app.all('/files/*', toHono(stripPrefix('/files', proxy)))`. It uses Node's own request and response, and returns
 * when the transfer is over. Hooks find the context of Hono as `downstream.context`; what middleware before it has set
 * with `c.header` is sent along. Failures before the response go to `app.onError`. Throws an `OptionsError` for
 * options that are not valid.
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

/** One object for all calls, so that they share a proxy. */
const DEFAULTS: StreamFromOptions = {};

/**
 * Answers with the file at `url`, as `streamFrom` of `sluiceway` does, for a handler of Hono to return:
 * `app.get('/file', (c) => streamFrom(c, url))`. Rejects with a failure before the response, for `app.onError`, unless
 * `options.errors` is `answer`.
 */
export function streamFrom<Context extends HonoContext>(
  c: Context,
  url: string | URL,
  options: StreamFromOptions<Context> = DEFAULTS,
): Promise<Response> {
  const { errors = 'throw' } = options;
  return respond(c, (request, response, context) =>
    guardResponse(request, response, () =>
      streamFromUrl(request, response, url, options, { ...context, errors }),
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

/** Sends by Node's pair; the response that is returned stands for what has been sent, for middleware that looks at it. */
async function respond<Context extends HonoContext>(c: Context, send: Send<Context>): Promise<Response> {
  const { incoming, outgoing } = nodePair(c);
  let sent: Response | null = null;
  let unguard: (() => void) | null = null;
  await send(incoming, outgoing, {
    context: c,
    onHead({ status, fields }) {
      sent = standIn(c, status);
      addFields(fields, sent.headers);
      unguard = guardEnd(outgoing);
    },
  }).finally(() => unguard?.());
  return sent ?? standIn(c, GONE);
}

function nodePair({ env }: HonoContext): NodePair {
  const { incoming, outgoing } = (env ?? {}) as Partial<NodePair>;
  if (incoming === undefined || outgoing === undefined) {
    throw new TypeError(
      'There is no request and response of Node’s in c.env: sluiceway/hono needs @hono/node-server; elsewhere use sluiceway/fetch',
    );
  }
  return { incoming, outgoing };
}

/** With what `c.header` has set. Its `body` is looked at, because node-server sends one of its own that nobody has. */
function standIn(c: HonoContext, status: number): Response {
  const response = c.newResponse(null, Math.min(status, MAX_STATUS) as never, { [ALREADY_SENT]: 'true' });
  void response.body;
  return response;
}

/** As Hono itself adds them to a response that a handler returns, but for those of which each line counts. */
function addFields(fields: Fields, headers: Headers): void {
  for (const [name, value] of headers) {
    if (ADDED.has(name)) fields.append(name, value);
    else if (!OF_CONTENT.has(name)) fields.set(name, value);
  }
}

/**
 * Where middleware gives up on a response that has begun (a timeout), node-server ends it with the text of an error,
 * which would be taken for the file's. We end without one.
 */
function guardEnd(outgoing: ClientResponse): () => void {
  const guarded: { end?: unknown } = outgoing;
  const end = outgoing.end.bind(outgoing) as () => void;
  guarded.end = (...text: unknown[]) => {
    if (text.length === 0) end();
    else outgoing.destroy();
    return outgoing;
  };
  return () => {
    delete guarded.end;
  };
}

/** What Hono has kept of content that was read in one of these ways gives the same value again. */
const RESTORABLE = ['json', 'text', 'arrayBuffer', 'blob'];
const FORM = 'application/x-www-form-urlencoded';

/**
 * Request content made anew from what Hono has kept of it; undefined where nobody has read it, and for forms with
 * files, which the proxy refuses then.
 */
async function restoreContent(
  { req }: HonoContext,
  incoming: ClientRequest,
): Promise<Uint8Array | undefined> {
  if (findTouch(incoming) === null) return undefined;
  const kept = Object.keys(req.bodyCache);
  if (kept.some((kind) => RESTORABLE.includes(kind))) return new Uint8Array(await req.arrayBuffer());
  if (!kept.includes('formData') || incoming.headers['content-type']?.split(';', 1)[0] !== FORM)
    return undefined;
  const form = new URLSearchParams();
  for (const [name, value] of await req.formData()) {
    if (typeof value !== 'string') return undefined;
    form.append(name, value);
  }
  return Buffer.from(form.toString());
}
