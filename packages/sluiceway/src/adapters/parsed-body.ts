import type { IncomingMessage } from 'node:http';
import { findTouch } from '../stream/untouched.js';

/**
 * Request content made anew from what a body parser has left in `body`; undefined where the content has not been
 * read, so that the proxy reads it, and where nothing is known that would be the same, so that the proxy refuses it.
 */
export function restoreContent(request: IncomingMessage, body: unknown): Uint8Array | undefined {
  if (!hasContent(request) || findTouch(request) === null) return undefined;
  if (body instanceof Uint8Array) return body;
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (type === 'application/json' || type.endsWith('+json')) return restoreJson(body);
  if (type === 'application/x-www-form-urlencoded' && typeof body === 'object' && body !== null)
    return Buffer.from(formatForm(body));
  return undefined;
}

/** Some parsers leave an empty body where there was none. */
const hasContent = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

function restoreJson(body: unknown): Uint8Array | undefined {
  // Undefined where there is no JSON for it.
  const text = JSON.stringify(body) as string | undefined;
  return text === undefined ? undefined : Buffer.from(text);
}

/** As parsers of nested forms read it again: `a=1&a=2` for a list of values, `a[b]=1` for what is nested. */
function formatForm(body: object): string {
  const form = new URLSearchParams();
  for (const [key, value] of Object.entries(body)) appendTo(form, key, value);
  return form.toString();
}

function appendTo(form: URLSearchParams, key: string, value: unknown): void {
  if (typeof value === 'string') form.append(key, value);
  else if (Array.isArray(value)) {
    const plain = value.every((item) => typeof item === 'string');
    for (const [index, item] of value.entries()) appendTo(form, plain ? key : `${key}[${index}]`, item);
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, item] of Object.entries(value)) appendTo(form, `${key}[${name}]`, item);
  } else if (typeof value === 'number' || typeof value === 'boolean') form.append(key, String(value));
  else form.append(key, '');
}
