import type { IncomingMessage } from 'node:http';
import { encodeText, isContentRead, restoreContent } from '../shared/parsed-body.js';
import type { ProxyRequest } from './messages.js';

/**
 * Restores content that a body parser has read, from `request.body`, in the `Content-Type` of the request. Use it as
 * `on.proxyReq`, or call it there. Does nothing if the content was not read.
 */
export function fixRequestBody(proxyRequest: ProxyRequest, request: IncomingMessage): void {
  const { body }: { body?: unknown } = request as object;
  const type = proxyRequest.getHeader('content-type');
  const isText =
    typeof body === 'string' && /^text\/plain(?:[\t ;]|$)/i.test(type ?? '') && isContentRead(request);
  const content = isText ? encodeText(body, type) : restoreContent(request, body, type);
  if (content !== undefined) proxyRequest.setContent(content);
}
