import { statusText } from './status-text.js';

/**
 * Formats the content of an error response as `application/problem+json` (RFC 9457 section 3.1). The type is
 * `about:blank`, which is omitted and makes the title the status's reason phrase.
 */
export function problemJson(status: number, detail: string): string {
  return JSON.stringify({ title: statusText(status), status, detail });
}
