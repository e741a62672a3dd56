import type { Handler } from 'sluiceway';

const PREFIX = '/.well-known/acme-challenge/';

/**
 * Answers challenges over HTTP (RFC 8555 section 8.3), and passes every other request on. `answer` returns the answer for a
 * token, or null.
 */
export function withChallenges(handler: Handler, answer: (token: string) => string | null): Handler {
  return {
    handle: async (request, response, context) => {
      const { method = '', url = '' } = request;
      const isAsked = url.startsWith(PREFIX) && (method === 'GET' || method === 'HEAD');
      const text = isAsked ? answer(url.slice(PREFIX.length)) : null;
      if (text === null) return handler.handle(request, response, context);
      const fields = { 'Content-Type': 'application/octet-stream', 'Content-Length': text.length };
      response.writeHead(200, fields);
      response.end(method === 'HEAD' ? '' : text);
      return 'answered';
    },
    upgrade: (request, socket, head, context) => handler.upgrade(request, socket, head, context),
  };
}
