import type { Fields } from '../http/fields.js';
import type { DownstreamRequest } from '../proxy/messages/downstream-request.js';
import type { Answer } from '../proxy/messages/responses.js';
import type { CorsOptions } from './response-options.js';

/** Response fields that scripts need for downloads, beyond those that CORS always exposes. */
const EXPOSED = [
  'Accept-Ranges',
  'Content-Disposition',
  'Content-Encoding',
  'Content-Length',
  'Content-Range',
  'ETag',
  'Last-Modified',
  'Retry-After',
].join(', ');
/** Request fields that scripts may send, beyond those that CORS always allows. */
const ALLOWED = 'If-Match, If-Modified-Since, If-None-Match, If-Range, If-Unmodified-Since, Range';
const PREFLIGHT_SECONDS = '86400';

/**
 * Allows a script of another site to read the response if `cors` permits its origin (Fetch standard, CORS protocol).
 */
export function setCorsFields(fields: Fields, cors: CorsOptions, request: DownstreamRequest): void {
  // Caches must store the responses to different origins separately.
  if (cors.origins !== '*') fields.append('Vary', 'Origin');
  const origin = request.headers.get('origin');
  if (origin === undefined || !mayRead(cors, origin)) return;
  fields.set('Access-Control-Allow-Origin', cors.origins === '*' ? '*' : origin);
  fields.set('Access-Control-Expose-Headers', EXPOSED);
  fields.set('Cross-Origin-Resource-Policy', 'cross-origin');
}

/** Answers the preflight of a browser, for example before a request with a Range. Returns null for other requests. */
export function answerPreflight(cors: CorsOptions | null, request: DownstreamRequest): Answer | null {
  if (cors === null || request.method !== 'OPTIONS') return null;
  if (!request.headers.has('access-control-request-method')) return null;
  if (!mayRead(cors, request.headers.get('origin') ?? '')) return { status: 403 };
  return {
    status: 204,
    headers: {
      'Access-Control-Allow-Methods': 'GET, HEAD',
      'Access-Control-Allow-Headers': ALLOWED,
      'Access-Control-Max-Age': PREFLIGHT_SECONDS,
    },
  };
}

const mayRead = ({ origins }: CorsOptions, origin: string): boolean =>
  origins === '*' || origins.includes(origin.toLowerCase());
