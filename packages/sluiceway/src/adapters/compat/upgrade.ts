import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Http1Exchange } from '../../downstream/http1/http1-exchange.js';
import { takeUpgrade } from '../../downstream/http1/http1-upgrade.js';
import { problemJson } from '../../http/problem.js';
import type { HandleContext } from '../../proxy/messages/handle-context.js';
import type { ReverseProxy } from '../../proxy/proxy.js';
import { toFrameworkError } from '../shared/framework-error.js';
import { callSafely } from './handlers.js';

export interface CompatUpgradeOptions<Context> {
  proxy: ReverseProxy<Context>;
  /** Determines the target of the request. May reject. */
  route(): Promise<HandleContext<Context> & { context: { target: URL } }>;
  /** Called for a failure before the response. May answer on the socket. */
  onError: ((error: Error, target: URL | undefined) => unknown) | undefined;
}

/**
 * Serves a request of an `upgrade` event. A failure is passed to `onError`. If that does not use the socket, or is
 * absent, the failure is answered. Never rejects.
 */
export async function serveUpgrade<Context>(
  request: IncomingMessage,
  stream: Socket,
  head: Buffer,
  { proxy, route, onError }: CompatUpgradeOptions<Context>,
): Promise<void> {
  const { socket } = request;
  let response: ServerResponse | null = null;
  let target: URL | undefined;
  try {
    const upgrade = await takeUpgrade(request, stream, head, async (again, anew, awaitsContinue) => {
      response = anew;
      const context = await route();
      ({ target } = context.context);
      return proxy.handle(again, anew, { ...context, awaitsContinue, errors: 'throw' });
    });
    if (typeof upgrade === 'string') return;
    ({ response } = upgrade);
    const context = await route();
    ({ target } = context.context);
    const awaitsContinue = request.headers.expect?.toLowerCase() === '100-continue';
    const client = new Http1Exchange(request, response, upgrade);
    await proxy.serve(client, { ...context, awaitsContinue, errors: 'throw' });
  } catch (thrown) {
    const error = toFrameworkError(thrown);
    const { bytesWritten } = socket;
    if (onError !== undefined) await callSafely('on.error', () => onError(error, target));
    if (response === null || socket.destroyed || !socket.writable || socket.bytesWritten !== bytesWritten) {
      if (!socket.destroyed) socket.destroySoon();
    } else answer(response, error);
  }
}

function answer(response: ServerResponse, error: ReturnType<typeof toFrameworkError>): void {
  const { status = 500, headers = {} } = 'status' in error ? error : {};
  const text = 'status' in error ? error.message : 'The proxy is not configured correctly.';
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.writeHead(status, { 'Content-Type': 'application/problem+json' });
  response.end(problemJson(status, text));
}

/** For each request, how many of the middlewares' listeners have left it to others. */
const left = new WeakMap<IncomingMessage, number>();

/**
 * Reports whether all listeners of a server have left a request to others. If they all belong to middlewares, nothing
 * else would ever answer it.
 */
export function isLeftByAll(request: IncomingMessage, listeners: number): boolean {
  const count = (left.get(request) ?? 0) + 1;
  left.set(request, count);
  return count === listeners;
}
