/** What a proxy lets through, as plain data. The two that exist are `passThrough` and `thirdParty`. */
export interface Profile {
  readonly name: string;
  /** Methods that are served; `any` is all but CONNECT and TRACE. */
  readonly methods: 'any' | readonly string[];
  /** Names, in lower case, of the client's fields that the origin server gets; `all` is every end-to-end field. */
  readonly requestHeaders: 'all' | ReadonlySet<string>;
  /** Whether the client's request content is sent on. */
  readonly requestContent: boolean;
  /** Whether the origin server is told of the client and of us: `X-Forwarded-*`, `Forwarded`, `Via`. */
  readonly forwarded: boolean;
  /** Whether a client may change the protocol of its connection (WebSocket). */
  readonly upgrades: boolean;
  /** How many redirects are followed; 0 passes them on to the client. */
  readonly maxRedirects: number;
  /** Names, in lower case, of the origin server's fields that the client gets; `all` is every end-to-end field. */
  readonly responseHeaders: 'all' | ReadonlySet<string>;
  /** Fields set on every response, whatever the origin server says. */
  readonly setResponseHeaders: Readonly<Record<string, string>>;
  /** Which addresses may be connected to where the options do not say. */
  readonly addresses: 'any' | 'public';
}

/** Everything end-to-end passes: a reverse proxy before origin servers of one's own. */
export const passThrough: Profile = Object.freeze({
  name: 'passThrough',
  methods: 'any',
  requestHeaders: 'all',
  requestContent: true,
  forwarded: true,
  upgrades: true,
  maxRedirects: 0,
  responseHeaders: 'all',
  setResponseHeaders: {},
  addresses: 'any',
});

/**
 * Somebody else's file for a client of ours. The third party learns nothing of the client (no cookies, no
 * authorization, no address), the client gets the file and what describes it, and nothing that would act on our
 * origin: no cookies, and content that a browser opens is sandboxed.
 */
export const thirdParty: Profile = Object.freeze({
  name: 'thirdParty',
  methods: ['GET', 'HEAD'],
  requestHeaders: new Set([
    'accept',
    'accept-encoding',
    'range',
    'if-match',
    'if-none-match',
    'if-modified-since',
    'if-unmodified-since',
    'if-range',
    'user-agent',
  ]),
  requestContent: false,
  forwarded: false,
  upgrades: false,
  maxRedirects: 5,
  responseHeaders: new Set([
    'content-type',
    'content-length',
    'content-encoding',
    'content-language',
    'content-disposition',
    'content-range',
    'accept-ranges',
    'etag',
    'last-modified',
    'date',
    'age',
    'expires',
    'cache-control',
    'vary',
    'retry-after',
    'content-digest',
    'repr-digest',
    'digest',
    'content-md5',
  ]),
  setResponseHeaders: {
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': 'sandbox',
  },
  addresses: 'public',
});
