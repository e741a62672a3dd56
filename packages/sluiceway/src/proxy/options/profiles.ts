/** What a proxy lets through, as plain data. `passThrough` and `thirdParty` are built in. */
export interface Profile {
  readonly name: string;
  /** Methods that are served. `any`: all except CONNECT and TRACE. */
  readonly methods: 'any' | readonly string[];
  /** Lower-case names of the client's fields that are sent to the origin server. `all`: every end-to-end field. */
  readonly requestHeaders: 'all' | ReadonlySet<string>;
  /** Whether the client's request content is forwarded. */
  readonly requestContent: boolean;
  /** Whether the origin server gets data about the client and this proxy: `X-Forwarded-*`, `Forwarded`, `Via`. */
  readonly forwarded: boolean;
  /** Whether a client may switch the protocol of its connection (WebSocket). */
  readonly upgrades: boolean;
  /** How many redirects are followed. 0 passes them to the client. */
  readonly maxRedirects: number;
  /** Lower-case names of the origin server's fields that are sent to the client. `all`: every end-to-end field. */
  readonly responseHeaders: 'all' | ReadonlySet<string>;
  /** Fields set on every response. They replace the origin server's. */
  readonly setResponseHeaders: Readonly<Record<string, string>>;
  /** The default of the option `addresses`: which addresses may be connected to. */
  readonly addresses: 'any' | 'public';
}

/** Forwards everything end-to-end: for a reverse proxy in front of your own origin servers. */
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
 * Relays a third party's file to your client. The third party gets no data about the client: no cookies, no
 * authorization, no address. The client gets the file and the fields that describe it, and nothing that affects your
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
