import type { IncomingMessage } from 'node:http';
import { encodeText, isContentRead, restoreContent } from '../shared/parsed-body.js';
import type { ProxyRequest } from './messages.js';

/**
 * For `on.proxyReq`, as the handler or called in it: content that a body parser has read is made anew from
 * `request.body`, for the `Content-Type` that the request is sent with. Does nothing where none was read.
 */
export function fixRequestBody(proxyRequest: ProxyRequest, request: IncomingMessage): void {
  const { body }: { body?: unknown } = request as object;
  const type = proxyRequest.getHeader('content-type');
  const isText =
    typeof body === 'string' && /^text\/plain(?:[\t ;]|$)/i.test(type ?? '') && isContentRead(request);
  const content = isText ? encodeText(body, type) : restoreContent(request, body, type);
  if (content !== undefined) proxyRequest.setContent(content);
}
