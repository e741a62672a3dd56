import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Outcome } from '../../errors.js';
import type { Fields } from '../../http/fields.js';
import type { HandleContext, KnownClient } from '../../proxy/messages/handle-context.js';

/** The context of a reply, without the parts that Fastify provides. */
export type OwnContext = Omit<HandleContext, 'context' | 'client' | 'onHead'>;

/**
 * Answers through the raw response. Fastify stays in control until the head is sent: a failure before that rejects,
 * with nothing written. From then on the reply is hijacked, so that neither hooks nor Fastify's handler timeout affect
 * it.
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
      // Runs after the head was sent: before that, Fastify may have to answer.
      queueMicrotask(() => {
        if (reply.raw.headersSent) reply.hijack();
      });
    },
  });
  if (!reply.sent) reply.hijack();
  logOutcome(request, outcome);
}

/**
 * Completes what `inject` creates, which has no real socket: the request is complete from the start, and the response
 * is complete when it has finished, although it closes before its mock socket has taken it.
 */
export function completeInjected(request: IncomingMessage, response: ServerResponse): void {
  if (!('_lightMyRequest' in response)) return;
  Object.defineProperty(request, 'complete', { value: true });
  response.once('finish', () => Object.defineProperty(response, 'writableFinished', { value: true }));
}

/** Returns the client that `trustProxy` determines. Null if the option is not set; the socket's data then apply. */
export function readClient(request: FastifyRequest): KnownClient | null {
  // Fastify defines the property only with `trustProxy`.
  if (!('ips' in request)) return null;
  const { ip, host } = request;
  // The value of the field, which can be any text.
  const protocol: string = request.protocol;
  return {
    address: ip,
    ...(host !== '' && { host }),
    ...((protocol === 'http' || protocol === 'https') && { protocol }),
  };
}

/** Fields that frame the message. Only the proxy sets them. */
const FRAMING = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/** Fields to which both contribute: sessions set cookies, and caches need every `Vary`. */
const SHARED = new Set(['set-cookie', 'vary']);

/** Adds fields that hooks and other plugins have set with `reply.header`. The response's own fields take precedence. */
function addReplyFields(fields: Fields, reply: FastifyReply): void {
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value === undefined || FRAMING.has(name)) continue;
    if (fields.has(name) && !SHARED.has(name)) continue;
    for (const line of Array.isArray(value) ? value : [value]) fields.append(name, String(line));
  }
}

/** Fastify logs each request and each failure before the head. This logs transfers that fail later. */
export function logOutcome(request: FastifyRequest, outcome: Outcome): void {
  if (outcome === 'completed' || outcome === 'answered') return;
  const isClients = outcome === 'client_aborted' || outcome === 'client_stalled' || outcome === 'rejected';
  request.log[isClients ? 'info' : 'warn']({ outcome }, 'transfer ended early');
}
