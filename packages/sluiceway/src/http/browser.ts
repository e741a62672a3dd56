import type { ReadonlyFields } from './fields.js';

/**
 * Reports whether a request comes from a browser. Browsers send `Sec-Fetch-Site`, but only to secure origins; undici's
 * `fetch` sends `Sec-Fetch-Mode` alone. Over plain HTTP, a navigation has `Upgrade-Insecure-Requests`. Chromium sends neither when it continues a download; then
 * the usual browser product in `User-Agent` counts, together with `Accept-Language`, which few scripts send.
 */
export function isFromBrowser(fields: ReadonlyFields): boolean {
  if (fields.has('sec-fetch-site') || fields.has('upgrade-insecure-requests')) return true;
  return fields.has('accept-language') && fields.get('user-agent')?.startsWith('Mozilla/5.0 (') === true;
}
