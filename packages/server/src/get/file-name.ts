import type { Fields } from 'sluiceway';
import { readFileName, toSafeFileName } from 'sluiceway/options';

const FALLBACK = 'download';

/** The name of the file by its URL. */
export function nameOfUrl(url: string): string {
  const path = url.replace(/[?#].*$/s, '').replace(/^[a-z]+:\/\/[^/]*/i, '');
  const last = path.slice(path.lastIndexOf('/') + 1);
  return toSafeFileName(decode(last)) ?? FALLBACK;
}

/** The name of the file by a response, in a safe form; null if the response does not name it. */
export const nameOfResponse = (headers: Fields): string | null =>
  readFileName(headers.get('content-disposition'));

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
