import { SluicewayError } from '../../errors.js';
import { isCoded, isEndMarked, onlyRange } from '../../upstream/partial-content.js';
import type { TransportResponse } from '../../upstream/transport.js';
import type { UpstreamRequestDraft } from '../messages/upstream-request.js';
import type { RequestState } from '../request/request-state.js';

/** Whether, by its head, a response can be the file whose size the application expects. If not, the next mirror is tried. */
export function hasSize(draft: UpstreamRequestDraft, received: TransportResponse): boolean {
  const { size } = draft;
  if (size === null || !isOfFile(draft, received)) return true;
  const found = sizeOf(draft.method, received);
  return found === null || found === size;
}

/**
 * Gives a response without a length that of the file, if the application knows it: clients, and proxies on the way to
 * them, can then tell a break. Throws if the head shows another length.
 */
export function applySize(
  { stages }: RequestState,
  draft: UpstreamRequestDraft,
  received: TransportResponse,
): void {
  const { size, method } = draft;
  if (size === null || !isOfFile(draft, received)) return;
  const found = sizeOf(method, received);
  if (found !== null && found !== size)
    throw new SluicewayError('http_protocol_error', `The file has ${found} bytes, but ${size} are expected`);
  if (found !== null || received.status === 206) return;
  // Content that is compressed on the fly has another length.
  if (isCoded(received.headers) && (method === 'HEAD' || isEndMarked(received))) return;
  if (method === 'HEAD') received.headers.set('Content-Length', String(size));
  else stages.statedLength = size;
}

const isOfFile = ({ method }: UpstreamRequestDraft, { status, tunnel }: TransportResponse): boolean =>
  (method === 'GET' || method === 'HEAD') && tunnel === null && status >= 200 && status < 300;

/** The length of the whole file in bytes, by the head of a response; null if it does not give it. */
function sizeOf(method: string, { status, headers, contentLength }: TransportResponse): number | null {
  if (status === 206) return onlyRange(headers)?.total ?? null;
  if (method !== 'HEAD') return contentLength;
  const length = headers.get('content-length');
  return length === undefined ? null : Number(length);
}
