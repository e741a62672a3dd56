type HidePath = ((path: string) => string) | null;

/**
 * Returns the path of a request-target for records: `hidePath` hides its secrets, and `?…` stands for a query. The
 * authority of the absolute form is left out: it can contain a password, and the record has the host.
 */
export function visibleTarget(target: string, hidePath: HidePath): string {
  const question = target.indexOf('?');
  const whole = question < 0 ? target : target.slice(0, question);
  const path = whole.startsWith('/') ? whole : whole.replace(/^[a-z][a-z\d+.-]*:\/\/[^/]*/i, '') || '/';
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
