import { SluicewayError } from '../../errors.js';
import type { TransportResponse } from '../../upstream/transport.js';
import type { ContentLimits, Selection } from '../messages/selection.js';

/**
 * The limits of the content of a response: those of its selection, and `maxBytes` (null: no limit). Throws if the response
 * announces more; a HEAD gets the same answer as a GET would.
 */
export function limitResponse(
  selection: Selection,
  { headers, contentLength, tunnel, status }: TransportResponse,
  method: string,
  maxBytes: number | null,
): ContentLimits | null {
  const limits = selection.contentLimits?.() ?? null;
  if (maxBytes === null || tunnel !== null) return limits;
  const toTooLongError = (): SluicewayError =>
    new SluicewayError('http_response_body_size', `The response has more than ${maxBytes} bytes`);
  const announced =
    method === 'HEAD' && status !== 304 ? Number(headers.get('content-length') ?? 0) : (contentLength ?? 0);
  if (announced > maxBytes) throw toTooLongError();
  if (limits !== null && limits.maxBytes !== null && limits.maxBytes <= maxBytes) return limits;
  return {
    onContent: limits?.onContent ?? null,
    maxBytes,
    toTooLongError,
  };
}
