type HidePath = ((path: string) => string) | null;

/** Returns a request-target for records: `hidePath` hides the secrets of its path, and `?…` stands for a query. */
export function visibleTarget(target: string, hidePath: HidePath): string {
  const question = target.indexOf('?');
  const path = question < 0 ? target : target.slice(0, question);
  return (hidePath?.(path) ?? path) + (question < 0 ? '' : '?…');
}

/**
 * Returns a `Referer` for the record of a transfer: without credentials, query and fragment, which may be secrets, and
 * with its path as `hidePath` shows paths. A value that is not an http: or https: URL is `…`.
 */
export function visibleReferer(referer: string | undefined, hidePath: HidePath): string | null {
  if (referer === undefined) return null;
  if (!URL.canParse(referer)) return '…';
  const { protocol, host, pathname, search } = new URL(referer);
  if (protocol !== 'http:' && protocol !== 'https:') return '…';
  const path = hidePath?.(pathname) ?? pathname;
  return `${protocol}//${host}${path}${search === '' ? '' : '?…'}`;
}
