import type { AccessPolicy } from '../../access/policy.js';
import { group } from '../../options/composites.js';
import { boolean, custom, oneOf, string } from '../../options/kinds.js';
import type { OptionsOf } from '../../options/spec.js';
import type { Hooks } from '../messages/hooks.js';
import { corsOption } from './cors-options.js';
import { type DigestOptions, type DigestValues, digestOptions } from './digest-options.js';
import { type HeaderOptions, type HeaderOptionValues, headerOptions } from './header-options.js';
import { hookOptions, observersOption, tracingOption, transport } from './hook-options.js';
import { profileOption } from './profile-option.js';
import { requestIdOption } from './request-id-option.js';
import { resumeOption } from './resume-options.js';
import {
  type LimitOptions,
  type LimitValues,
  limitOptions,
  type TimeoutOptions,
  type TimeoutValues,
  timeoutOptions,
} from './timeout-options.js';
import { trustedProxiesOption } from './trusted-proxies.js';
import { upstreamOption } from './upstream-options.js';
import { zeroCopyOption } from './zero-copy-option.js';

/** The options of `createProxy`, without the hooks. */
export const proxyDataOptions = {
  /**
   * Where requests go: a URL, a group of servers, or an object with further options. Required, unless
   * `onRequest` always chooses. Default: none.
   */
  upstream: upstreamOption,
  /**
   * This proxy's name in `Via`, `CDN-Loop` and `Proxy-Status`. A request whose `Via` or `CDN-Loop` already
   * has the name is a loop and gets 508. The default is `sluiceway-` and eight random characters, the same
   * for all proxies of a process, so that two Sluiceways in a row are not treated as a loop. Two proxies in a
   * row in one process need different names. Default: random.
   */
  name: string({
    pattern: /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/,
    message: "must be a token: letters, digits and -._~!#$%&'*+^`|",
    type: 'token',
    defaultText: 'random',
    doc: "This proxy's name in `Via`, `CDN-Loop` and `Proxy-Status`. A request whose `Via` or `CDN-Loop` already has the name is a loop and gets 508. The default is `sluiceway-` and eight random characters, the same for all proxies of a process, so that two Sluiceways in a row are not treated as a loop. Two proxies in a row in one process need different names.",
  }),
  /**
   * What is let through: see profiles. A reverse proxy is in front of your own servers, so everything
   * end-to-end passes. Default: `'passThrough'`.
   */
  profile: profileOption,
  /**
   * Which addresses may be connected to. The default is the profile's: `any` for `passThrough`, since your
   * own servers usually have private addresses, and `public` for `thirdParty`. The decision is made on the
   * address that is actually dialled. Default: `'any'`.
   */
  addresses: oneOf(['any', 'public'], {
    defaultText: "`'any'`",
    doc: "Which addresses may be connected to. The default is the profile's: `any` for `passThrough`, since your own servers usually have private addresses, and `public` for `thirdParty`. The decision is made on the address that is actually dialled.",
  }),
  /**
   * Proxies in front of this one whose `X-Forwarded-*` and `Forwarded` are trusted and continued. Those of
   * any other client are replaced, because a client can send any value; names such as `X_Forwarded_For`,
   * which CGI treats as the same, never pass. The word `'unix'` stands for all peers on Unix sockets (without
   * TLS). Hooks see the client behind them. Default: none.
   */
  trustedProxies: trustedProxiesOption,
  /**
   * Access policy. It decides for each request before any other processing: a function made by `bearer`,
   * `basic`, `clientAddresses`, `allOf` and `anyOf`, or your own; see who has access. Without a policy, every
   * request is allowed, as with any other proxy. Default: none.
   */
  access: custom<AccessPolicy, AccessPolicy | undefined>({
    type: 'policy',
    schema: null,
    doc: 'Access policy. It decides for each request before any other processing: a function made by `bearer`, `basic`, `clientAddresses`, `allOf` and `anyOf`, or your own; see [who has access](access.md). Without a policy, every request is allowed, as with any other proxy.',
    read: (check, path, value) => check.func(path, value as AccessPolicy | undefined, undefined),
  }),
  /**
   * Which scripts of other sites may read responses: see cross-origin requests. Preflights are answered
   * before access is checked. The CORS fields of the origin server are replaced. Without the option,
   * preflights and fields pass. Default: none.
   */
  cors: corsOption,
  /** See headers. */
  headers: group<HeaderOptions, HeaderOptionValues>(headerOptions, { doc: 'See [headers](#headers).' }),
  /** See timeouts. */
  timeouts: group<TimeoutOptions, TimeoutValues>(timeoutOptions, { doc: 'See [timeouts](#timeouts).' }),
  /** See limits. */
  limits: group<LimitOptions, LimitValues>(limitOptions, { doc: 'See [limits](#limits).' }),
  /**
   * Whether broken content is continued from the exact byte: see resuming. Or an object with the options
   * there. On by default, because it is done only if the rest is provably of the same file, and costs nothing
   * until something breaks. Default: `true`.
   */
  resume: resumeOption,
  /**
   * Whether a part (206) is held against the client's `If-Range`. Many origin servers ignore that condition,
   * and answer with a part of another state of the file than the client has the beginning of. If the
   * validator of the part is another than the client named, the whole file is requested and sent (RFC 9110
   * section 13.1.5). A HEAD asks for a validator that the part omits. Default: `true`.
   */
  verifyIfRange: boolean({
    default: true,
    doc: "Whether a part (206) is held against the client's `If-Range`. Many origin servers ignore that condition, and answer with a part of another state of the file than the client has the beginning of. If the validator of the part is another than the client named, the whole file is requested and sent (RFC 9110 section 13.1.5). A HEAD asks for a validator that the part omits.",
  }),
  /** See digests. */
  digests: group<DigestOptions, DigestValues>(digestOptions, { doc: 'See [digests](#digests).' }),
  /**
   * Whether each request gets an id that the origin server and the client get in the field `X-Request-Id`,
   * too, so that the logs of all of them can be compared. Or an object with the options there. The id is that
   * of the request if one of the `trustedProxies` has sent it, and a random UUID otherwise: the field of any
   * other client is replaced, because it could imitate the requests of others. Without this option, fields
   * pass as any other field, and `requestId` in the log is `id`. Default: `false`.
   */
  requestId: requestIdOption,
  /**
   * Traces transfers: see OpenTelemetry. Without it, trace fields pass as any other field, and nothing is
   * loaded. Default: none.
   */
  tracing: tracingOption,
  /** Objects that are told when a transfer starts and ends: see observers. Default: none. */
  observers: observersOption,
  /**
   * Replaces the built-in client: see a transport of your own. It is closed with the proxy. It cannot be
   * combined with `upstream.egressProxy`, or with an `upstream.protocol` other than `http1`. `upstream.tls`,
   * `upstream.connections`, `addresses`, `timeouts.connect`, `limits.responseHead` and
   * `limits.responseHeaders` belong to the built-in client and have no effect then. Default: built in.
   */
  transport: transport({
    defaultText: 'built in',
    doc: 'Replaces the built-in client: see [a transport of your own](embedding.md#a-transport-of-your-own). It is closed with the proxy. It cannot be combined with `upstream.egressProxy`, or with an `upstream.protocol` other than `http1`. `upstream.tls`, `upstream.connections`, `addresses`, `timeouts.connect`, `limits.responseHead` and `limits.responseHeaders` belong to the built-in client and have no effect then.',
  }),
  /**
   * Whether a HEAD request is sent on as GET; the client gets the head of the response, and the content is
   * not read. With `fallback` this happens if the origin server answers HEAD with 403, 405 or 501, as it does
   * for presigned URLs, which are valid for GET only. Off for origin servers of your own, because a GET may
   * cost them work and some content; `fallback` is the default with the profile `thirdParty` and in a
   * gateway, whose clients ask for the length of a file first. It corresponds to `proxy_cache_convert_head`
   * of nginx. A `Range` is not sent, since HEAD has none. Default: `'never'`.
   */
  convertHead: oneOf(['never', 'fallback', 'always'], {
    defaultText: "`'never'`",
    doc: 'Whether a HEAD request is sent on as GET; the client gets the head of the response, and the content is not read. With `fallback` this happens if the origin server answers HEAD with 403, 405 or 501, as it does for presigned URLs, which are valid for GET only. Off for origin servers of your own, because a GET may cost them work and some content; `fallback` is the default with the profile `thirdParty` and in a gateway, whose clients ask for the length of a file first. It corresponds to `proxy_cache_convert_head` of nginx. A `Range` is not sent, since HEAD has none.',
  }),
  /**
   * How a response with `Content-Length` is broken off over HTTP/1.1, when the rest of the file cannot be
   * sent: `reset` resets the connection (RST), `close` closes it (FIN, without `close_notify` on TLS), and
   * `auto` closes it for browsers and resets it for all other clients. Some popular clients, such as
   * `requests` 2.28 of Python, treat a closed connection as the end of the file, although its length says
   * otherwise (RFC 9112 section 8). Chromium continues a download by itself after a close, and never after a
   * reset. A reset also discards what the client has not received yet. Responses without `Content-Length` are
   * always broken off by a reset. See clients. Default: `'auto'`.
   */
  breakOff: oneOf(['auto', 'reset', 'close'], {
    default: 'auto',
    doc: 'How a response with `Content-Length` is broken off over HTTP/1.1, when the rest of the file cannot be sent: `reset` resets the connection (RST), `close` closes it (FIN, without `close_notify` on TLS), and `auto` closes it for browsers and resets it for all other clients. Some popular clients, such as `requests` 2.28 of Python, treat a closed connection as the end of the file, although its length says otherwise (RFC 9112 section 8). Chromium continues a download by itself after a close, and never after a reset. A reset also discards what the client has not received yet. Responses without `Content-Length` are always broken off by a reset. See [clients](clients.md).',
  }),
  /**
   * Which clients get interim responses (1xx) of the origin server: all that can (`pass`), only those that
   * use HTTP/2 (`http2`), or none. RFC 9110 section 15.2 requires a proxy to pass them on, but several
   * popular HTTP/1.1 clients, such as `requests` of Python, take them for the response. Use `http2` or `none`
   * if the origin server sends them and some of your clients are scripts. A client that expects `100
   * Continue` gets it in any case, and 101 is not affected. With the profile `thirdParty` and in a gateway
   * the default is `none`, because its origin servers do not know the clients. Default: `'pass'`.
   */
  interimResponses: oneOf(['pass', 'http2', 'none'], {
    defaultText: "`'pass'`",
    doc: 'Which clients get interim responses (1xx) of the origin server: all that can (`pass`), only those that use HTTP/2 (`http2`), or none. RFC 9110 section 15.2 requires a proxy to pass them on, but several popular HTTP/1.1 clients, such as `requests` of Python, take them for the response. Use `http2` or `none` if the origin server sends them and some of your clients are scripts. A client that expects `100 Continue` gets it in any case, and 101 is not affected. With the profile `thirdParty` and in a gateway the default is `none`, because its origin servers do not know the clients.',
  }),
  /**
   * Whether the kernel moves content between plain TCP connections by `splice(2)`, so that it does not pass
   * through this process: see zero copy. This needs Linux and Node 26.7 or newer with `node:ffi`, which Node
   * calls experimental; so it is off by default. If it is not available, `true` is a problem of the options,
   * and `auto` falls back to copying, and emits one warning for the process, with the code
   * `SLUICEWAY_ZERO_COPY_UNAVAILABLE`. Default: `false`.
   */
  zeroCopy: zeroCopyOption,
  /**
   * What happens to the `Content-Encoding` of a file that is compressed itself, such as `.tar.gz`. Many
   * servers derive it from the name, and clients that follow it store the unpacked file under the name of the
   * archive, so that its published digest fails. `remove` removes it if it says of the file what its name
   * says, and sets `Content-Type` to that of the archive; files that are part of a page (`app.js.gz`) keep
   * it. The bytes do not change. The default for servers of your own is `pass`, because they can be
   * configured; with the profile `thirdParty` and in a gateway, which serve downloads, it is `remove`.
   * Default: `'pass'`.
   */
  archiveCoding: oneOf(['pass', 'remove'], {
    defaultText: "`'pass'`",
    doc: 'What happens to the `Content-Encoding` of a file that is compressed itself, such as `.tar.gz`. Many servers derive it from the name, and clients that follow it store the unpacked file under the name of the archive, so that its published digest fails. `remove` removes it if it says of the file what its name says, and sets `Content-Type` to that of the archive; files that are part of a page (`app.js.gz`) keep it. The bytes do not change. The default for servers of your own is `pass`, because they can be configured; with the profile `thirdParty` and in a gateway, which serve downloads, it is `remove`.',
  }),
  /**
   * Whether the client's `Accept-Encoding` is sent on (`pass`), or `Accept-Encoding: identity` in its place,
   * which asks for content that is not compressed. Use `identity` for files that clients continue or read in
   * parts if the origin server gives the compressed and the uncompressed file the same `ETag`: see origin
   * servers. A response that is compressed all the same passes with its `Content-Encoding`. Default:
   * `'pass'`.
   */
  acceptEncoding: oneOf(['pass', 'identity'], {
    default: 'pass',
    doc: "Whether the client's `Accept-Encoding` is sent on (`pass`), or `Accept-Encoding: identity` in its place, which asks for content that is not compressed. Use `identity` for files that clients continue or read in parts if the origin server gives the compressed and the uncompressed file the same `ETag`: see [origin servers](origin-servers.md#one-etag-for-two-codings). A response that is compressed all the same passes with its `Content-Encoding`.",
  }),
  /**
   * What happens to a failure before the response has begun. `answer` sends a response, so that no client
   * waits in vain. With `throw` the promise of `handle` rejects with the `SluicewayError` and nothing is
   * written, for frameworks with an error handler of their own. Default: `'answer'`.
   */
  errors: oneOf(['answer', 'throw'], {
    default: 'answer',
    doc: 'What happens to a failure before the response has begun. `answer` sends a response, so that no client waits in vain. With `throw` the promise of `handle` rejects with the `SluicewayError` and nothing is written, for frameworks with an error handler of their own.',
  }),
};

export const proxyOptions: typeof proxyDataOptions & typeof hookOptions = {
  ...proxyDataOptions,
  ...hookOptions,
};

export interface ProxyOptions<Context = unknown> extends OptionsOf<typeof proxyDataOptions>, Hooks<Context> {}
