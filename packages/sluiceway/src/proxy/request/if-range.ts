import type { ReadonlyFields } from '../../http/fields.js';
import { parseHttpDate } from '../../http/http-date.js';
import type { Sent } from '../../upstream/send.js';
import type { TransportRequest } from '../../upstream/transport.js';

/** Sends a request to the target that has answered. */
type Ask = (request: TransportRequest) => Promise<Sent>;

/**
 * Checks a part (206) against the client's `If-Range`. Many origin servers ignore the condition, and the client would
 * combine two files. If the part is of another state of the file, calls `onOther`, and returns the answer to a request
 * for the whole file, as RFC 9110 section 13.1.5 prescribes. Other responses are returned as they are.
 *
 * A part can omit `Last-Modified` (section 15.3.7), and a part of WEBrick always does. A HEAD then tells the validator.
 */
export async function verifyIfRange(sent: Sent, ask: Ask, onOther: () => void): Promise<Sent> {
  const { request, response } = sent;
  if (response.status !== 206 || request.method !== 'GET' || !request.headers.has('range')) return sent;
  const condition = request.headers.get('if-range')?.trim();
  if (condition === undefined) return sent;
  const told = compare(condition, response.headers);
  if (told === 'same') return sent;
  response.content.cancel();
  if (told === 'other' || (await askForValidator(condition, request, ask)) === 'other') {
    onOther();
    return ask(askForAll(request));
  }
  return ask(request);
}

/** How a response relates to the state of the file that `If-Range` names. */
type Relation = 'same' | 'other' | 'unknown';

function compare(condition: string, headers: ReadonlyFields): Relation {
  const date = parseHttpDate(condition);
  const values = headers.getAll(date === null ? 'etag' : 'last-modified');
  if (values.length === 0) return 'unknown';
  const isSame = (value: string): boolean =>
    value === condition || (date !== null && parseHttpDate(value) === date);
  return values.every(isSame) ? 'same' : 'other';
}

async function askForValidator(condition: string, request: TransportRequest, ask: Ask): Promise<Relation> {
  try {
    const { response } = await ask({ ...askForAll(request), method: 'HEAD' });
    response.content.cancel();
    return response.status === 200 ? compare(condition, response.headers) : 'unknown';
  } catch {
    // The part may still be available.
    return 'unknown';
  }
}

/** Returns the same request for the whole file. */
function askForAll(request: TransportRequest): TransportRequest {
  const headers = request.headers.clone();
  headers.delete('range');
  headers.delete('if-range');
  return { ...request, headers };
}
