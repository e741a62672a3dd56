import { type AccessRequest, SluicewayError } from 'sluiceway';

const MAX_BYTES = 16 * 1024;

/** Reads the JSON object in a request's content. Without content, it has no members. Throws 400 or 413. */
export async function readObject({ raw }: AccessRequest): Promise<Readonly<Record<string, unknown>>> {
  const text = await readText(raw);
  if (text.trim() === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw badRequest('The content is not JSON.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRequest('The content must be a JSON object.');
  return value as Record<string, unknown>;
}

/** Throws 400 if the object has other members. */
export function refuseOthers(object: Readonly<Record<string, unknown>>, known: readonly string[]): void {
  const other = Object.keys(object).find((name) => !known.includes(name));
  if (other !== undefined) throw badRequest(`There is no member ${JSON.stringify(other.slice(0, 50))}.`);
}

/** Not by `for await`, which destroys the request when it ends early, and with it the connection for the answer. */
function readText(raw: AccessRequest['raw']): Promise<string> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let length = 0;
    raw.on('data', (part: Buffer) => {
      length += part.length;
      if (length <= MAX_BYTES) parts.push(part);
      else reject(new SluicewayError('content_too_large', `More than ${MAX_BYTES} bytes`));
    });
    raw.once('end', () => resolve(Buffer.concat(parts).toString()));
    raw.once('close', () => reject(new SluicewayError('client_aborted', 'The content ended early')));
  });
}

export const badRequest = (publicMessage: string): SluicewayError =>
  new SluicewayError('http_request_error', publicMessage, { status: 400, publicMessage });

export const notFound = (publicMessage: string): SluicewayError =>
  new SluicewayError('http_request_denied', publicMessage, { status: 404, publicMessage });
