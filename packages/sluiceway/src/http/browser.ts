import type { ReadonlyFields } from './fields.js';

/**
 * Whether a request comes from a browser. Browsers send `Sec-Fetch-Mode` to secure origins only. Over plain HTTP a
 * navigation has `Upgrade-Insecure-Requests`, and Chromium's continuation of a download has neither: there the usual
 * product of browsers in `User-Agent` counts, together with `Accept-Language`, which few scripts send.
 */
export function isFromBrowser(fields: ReadonlyFields): boolean {
  if (fields.has('sec-fetch-mode') || fields.has('upgrade-insecure-requests')) return true;
  return fields.has('accept-language') && fields.get('user-agent')?.startsWith('Mozilla/5.0 (') === true;
}
