/**
 * Returns a `Referer` for the record of a transfer: without credentials, query and fragment, which may be secrets, and
 * with its path as `hidePath` shows paths. A value that is not an http: or https: URL is `…`.
 */
export function withoutSecrets(
  referer: string | undefined,
  hidePath: ((path: string) => string) | null,
): string | null {
  if (referer === undefined) return null;
  if (!URL.canParse(referer)) return '…';
  const { protocol, host, pathname, search } = new URL(referer);
  if (protocol !== 'http:' && protocol !== 'https:') return '…';
  const path = hidePath?.(pathname) ?? pathname;
  return `${protocol}//${host}${path}${search === '' ? '' : '?…'}`;
}
