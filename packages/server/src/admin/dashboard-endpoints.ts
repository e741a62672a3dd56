import { type AccessRequest, type Answer, SluicewayError } from 'sluiceway';
import { type DashboardFile, readDashboard } from './dashboard-files.js';
import type { Endpoint } from './endpoint.js';

/**
 * Only files of this origin, no inline script or style, no `eval`, and no text that becomes markup. The page cannot be framed,
 * and sends nothing elsewhere.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/** Whether a path is that of the page or of one of its files. They contain no data of the server. */
export const isDashboardPath = (path: string): boolean => path === '/' || /^\/(?:assets|docs)\//.test(path);

/** The dashboard. Its files are read with the first request, and kept in memory. */
export function dashboardEndpoints(attributes: Readonly<Record<string, string>> = {}): readonly Endpoint[] {
  let files: ReadonlyMap<string, DashboardFile> | undefined;
  const answer = (name: string, request: AccessRequest): Answer => {
    files ??= readDashboard(attributes);
    const file = files.get(name);
    if (file === undefined)
      throw new SluicewayError('http_request_denied', `The dashboard has no file ${JSON.stringify(name)}`, {
        status: 404,
        publicMessage: 'The dashboard has no such file.',
      });
    return answerFile(file, request);
  };
  return [
    { method: 'GET', path: '/', answer: ({ request }) => answer('index.html', request) },
    // The page that explains failures, at the path that `/api/failures` names.
    { method: 'GET', path: '/docs/outcomes.md', answer: ({ request }) => answer('outcomes.html', request) },
    {
      method: 'GET',
      path: '/assets/{name}',
      answer: ({ parameters, request }) => answer(parameters['name'] ?? '', request),
    },
  ];
}

function answerFile({ type, content, gzip, tag }: DashboardFile, { headers }: AccessRequest): Answer {
  const isGzip = /(?:^|[\s,])gzip(?:$|[\s,])/i.test(headers.getAll('accept-encoding').join(', '));
  // The two codings are different representations (RFC 9110 section 8.8.3.3).
  const etag = `"${tag}${isGzip ? '-gzip' : ''}"`;
  const fields = {
    ETag: etag,
    // A browser asks each time whether the file has changed: the server may be another version by now.
    'Cache-Control': 'no-cache',
    Vary: 'Accept-Encoding',
    'Content-Security-Policy': CONTENT_SECURITY_POLICY,
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
  };
  const known = headers.getAll('if-none-match').join(', ').split(',');
  if (known.some((each) => each.trim().replace(/^W\//, '') === etag || each.trim() === '*'))
    return { status: 304, headers: fields };
  return {
    status: 200,
    headers: { ...fields, 'Content-Type': type, ...(isGzip && { 'Content-Encoding': 'gzip' }) },
    content: isGzip ? gzip : content,
  };
}
