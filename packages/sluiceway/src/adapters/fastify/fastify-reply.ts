import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Outcome } from '../../errors.js';
import type { Fields } from '../../http/fields.js';
import type { HandleContext, KnownClient } from '../../proxy/messages/handle-context.js';

/** What a reply is served with beside what Fastify knows. */
export type OwnContext = Omit<HandleContext, 'context' | 'client' | 'onHead'>;

/**
 * Answers by the raw response. Fastify has the say until the head goes out: a failure before that rejects, with
 * nothing written; from then on the reply is hijacked, so that neither hooks nor its timeout of handlers touch it.
 */
export async function serveReply(
  request: FastifyRequest,
  reply: FastifyReply,
  context: OwnContext,
  respond: (context: HandleContext<FastifyRequest>) => Promise<Outcome>,
): Promise<void> {
  const client = readClient(request);
  completeInjected(request.raw, reply.raw);
  const outcome = await respond({
    ...context,
    context: request,
    ...(client !== null && { client }),
    onHead: ({ headers }) => {
      addReplyFields(headers, reply);
      // Not before it has been sent: until then Fastify may have to answer.
      queueMicrotask(() => {
        if (reply.raw.headersSent) reply.hijack();
      });
    },
  });
  if (!reply.sent) reply.hijack();
  logOutcome(request, outcome);
}

/**
 * What `inject` makes has no socket of its own: a request is there as a whole, and a response is out when it has
 * finished, although it closes before its pretended socket has taken it.
 */
export function completeInjected(request: IncomingMessage, response: ServerResponse): void {
  if (!('_lightMyRequest' in response)) return;
  Object.defineProperty(request, 'complete', { value: true });
  response.once('finish', () => Object.defineProperty(response, 'writableFinished', { value: true }));
}

/** What `trustProxy` has found out; null where it is not set, and the socket tells. */
export function readClient(request: FastifyRequest): KnownClient | null {
  // Fastify defines the property only for `trustProxy`.
  if (!('ips' in request)) return null;
  const { ip, host } = request;
  // As the field says, which may be anything.
  const protocol: string = request.protocol;
  return {
    address: ip,
    ...(host !== '' && { host }),
    ...((protocol === 'http' || protocol === 'https') && { protocol }),
  };
}

/** How the message is framed is ours to say. */
const FRAMING = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/** Fields to which both may contribute: each session has its cookies, and caches must know of all that varies. */
const SHARED = new Set(['set-cookie', 'vary']);

/** Adds what hooks and other plugins have set by `reply.header`; what the response itself says of it comes first. */
function addReplyFields(fields: Fields, reply: FastifyReply): void {
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value === undefined || FRAMING.has(name)) continue;
    if (fields.has(name) && !SHARED.has(name)) continue;
    for (const line of Array.isArray(value) ? value : [value]) fields.append(name, String(line));
  }
}

/** Fastify logs each request and each failure before the head; what it does not see is a transfer that breaks. */
export function logOutcome(request: FastifyRequest, outcome: Outcome): void {
  if (outcome === 'completed' || outcome === 'answered') return;
  const isClients = outcome === 'client_aborted' || outcome === 'client_stalled' || outcome === 'rejected';
  request.log[isClients ? 'info' : 'warn']({ outcome }, 'transfer ended early');
}
