/** What programs of users look like. Compiled by types.test.ts under options of users; never run. */

import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, get as secureGet } from 'node:https';
import { Readable } from 'node:stream';
import { type Context, Hono } from 'hono';
import {
  type AccessDecision,
  type AccessPolicy,
  type AccessRequest,
  type Answer,
  allOf,
  anyOf,
  attach,
  type BasicUsers,
  type BearerTokens,
  basic,
  bearer,
  type ChunkSink,
  type ChunkSource,
  type CookieOptions,
  type CredentialOptions,
  clientAddresses,
  clientCertificate,
  createProxy,
  createUrlSigner,
  type DownstreamRequest,
  type ErrorCode,
  type Exchange,
  Fields,
  type ForwardedClient,
  formatTransferJson,
  forwardAuth,
  type HandleContext,
  type Handler,
  type HeaderOptions,
  type HeaderRuleOptions,
  type Hooks,
  type KnownClient,
  type LiveTransfer,
  mount,
  type Observer,
  OptionsError,
  type Outcome,
  type Profile,
  type ProxyOptions,
  parseBytes,
  passThrough,
  type ReadonlyFields,
  type ReverseProxy,
  type SignedUrlConditions,
  type SignedUrlOptions,
  SluicewayError,
  signed,
  streamFrom,
  stripPrefix,
  type TransferRecord,
  type Transport,
  type TransportRequest,
  type TransportResponse,
  thirdParty,
  type UrlSigner,
} from 'sluiceway';
import {
  type FetchContext,
  type FetchHandler,
  type FetchOptions,
  type FetchStreamFromOptions,
  type RouteHandlers,
  streamFrom as streamFromFetch,
  toFetch,
  toRouteHandlers,
} from 'sluiceway/fetch';
import {
  createLinks,
  formatKeys,
  type Grant,
  type GrantOptions,
  generateKey,
  type Key,
  type KeyOptions,
  type LinkOptions,
  type Links,
  type LinkUse,
  parseKeys,
  type VerifiedLink,
} from 'sluiceway/gateway';
import {
  type AddressDecision,
  type AddressPolicy,
  type ConnectRequest,
  GuardedAgent,
  type GuardedAgentOptions,
  type GuardedConnectOptions,
  type GuardedConnector,
  GuardedHttpsAgent,
  type GuardOptions,
  guardedConnect,
  type PublicOnly,
  publicOnly,
  type ResolvedAddress,
  type Resolver,
} from 'sluiceway/guard';
import { type HonoContext, streamFrom as streamFromHono, toHono } from 'sluiceway/hono';
import { type JwtOptions, jwt } from 'sluiceway/jwt';
import { type UndiciDispatcher, undiciTransport } from 'sluiceway/undici';
import { Agent, Client, MockAgent, Pool, ProxyAgent, RetryAgent } from 'undici';

export function shortest(): void {
  const server = createServer();
  attach(server, createProxy({ upstream: 'http://127.0.0.1:9000' }));
  server.listen(8080);
}

export const dispatchers: UndiciDispatcher[] = [
  new Agent(),
  new Client('http://origin.example'),
  new Pool('http://origin.example'),
  new ProxyAgent('http://proxy.example'),
  new RetryAgent(new Agent()),
  new MockAgent(),
  new Agent().compose((dispatch) => (options, handler) => dispatch(options, handler)),
];

interface RouteContext {
  params: Promise<{ path: string[] }>;
}
export function inRouteFiles(): RouteHandlers<RouteContext> {
  const options: FetchOptions<RouteContext> = { allowUndetectableTruncation: true, errors: 'throw' };
  const proxy = createProxy<FetchContext<RouteContext>>({
    upstream: 'http://127.0.0.1:9000',
    onRequest: async ({ request: { context } }) => {
      const { path } = await context.host.params;
      return { status: 404, content: `${path.length} ${context.request.url}` };
    },
  });
  const anyHost: FetchHandler = toFetch(createProxy({ upstream: 'http://127.0.0.1:9000' }));
  const ofUrl: FetchStreamFromOptions = { addresses: 'public', client: () => ({ address: '192.0.2.1' }) };
  void anyHost(new Request('http://a.example/')).then((response) => response.status);
  void streamFromFetch(new Request('http://a.example/'), 'https://b.example/', ofUrl);
  return toRouteHandlers(proxy, options);
}

interface OfApplication {
  Variables: { user: string };
}
export function inHono(): Hono<OfApplication> {
  const proxy = createProxy<Context<OfApplication>>({
    upstream: 'http://127.0.0.1:9000',
    onUpstreamRequest: ({ request, upstreamRequest }) => {
      upstreamRequest.headers.set('X-User', request.context.get('user'));
    },
  });
  const anywhere: (c: HonoContext) => Promise<Response> = toHono(
    createProxy({ upstream: 'http://127.0.0.1:9000' }),
    {
      errors: 'answer',
    },
  );
  return new Hono<OfApplication>()
    .all('/files/*', toHono(proxy))
    .all('/other/*', anywhere)
    .get('/file', (c) => streamFromHono(c, 'https://b.example/', { addresses: 'public' }));
}

const resolver: Resolver = {
  resolve: (hostname) =>
    Promise.resolve<ResolvedAddress[]>([{ address: `192.0.2.${hostname.length}`, family: 4 }]),
};
const guardOptions: GuardOptions = { allowPorts: 'any', resolver };
export function behindTheGuard(): AddressDecision {
  const connectOptions: GuardedConnectOptions = { ...guardOptions, tls: { ca: 'PEM' }, connectTimeout: '5s' };
  const agentOptions: GuardedAgentOptions = { ...connectOptions, pool: { keepAlive: true } };
  const connect: GuardedConnector = guardedConnect(connectOptions);
  const connecting: ConnectRequest = { hostname: 'a.example', protocol: 'https:', port: '' };
  connect(connecting, (...[error, socket]) => (error === null ? socket?.destroy() : undefined));
  dispatchers.push(new Agent({ connect }), new Pool('http://a.example', { connect }));
  get('http://a.example/', { agent: new GuardedAgent(agentOptions) });
  secureGet('https://a.example/', { agent: new GuardedHttpsAgent() });
  const judging: PublicOnly = publicOnly(guardOptions);
  const decides: AddressPolicy = judging.policy;
  return decides.decide('192.0.2.1', 80);
}

export const throughUndici = (): Transport => undiciTransport(new Agent(), { closesDispatcher: true });

const tokens: BearerTokens = { '0123456789abcdef': 'ci' };
const users: BasicUsers = { file: 'htpasswd' };
const credentials: CredentialOptions = { realm: 'files', keepCredentials: true };

const tokenRules: JwtOptions = { issuer: 'a', audience: ['b'], jwks: { keys: [] }, claims: { scope: ['a'] } };
const own: AccessPolicy = async ({ headers, forwarded, raw }: AccessRequest): Promise<AccessDecision> => {
  if (headers.get('x-key') === 'a' && forwarded.proto === 'https')
    return { allowed: true, identity: raw.url ?? null, consumed: ['X-Key'] };
  return { allowed: false, status: 401, challenge: ['Negotiate'], reason: 'no key' };
};

export async function withEverything(): Promise<Outcome> {
  const profile: Profile = { ...passThrough, name: 'own', methods: ['GET', 'HEAD'], maxRedirects: 2 };
  const observer: Observer = {
    onTransferStart: (transfer: LiveTransfer) => void transfer.id.length,
    onTransferEnd(record: TransferRecord) {
      const code: ErrorCode | null = record.error;
      const line: string = `${formatTransferJson(record)} ${code ?? 'no error'} ${record.outcome satisfies Outcome}`;
      process.stdout.write(line);
    },
  };
  const options: ProxyOptions = {
    upstream: {
      url: new URL('https://origin.example/base'),
      tls: { ca: ['PEM'], cert: Buffer.from('PEM'), key: 'PEM', servername: 'origin.example' },
      connections: { max: 100, maxQueued: 10, idleTimeout: '30s' },
    },
    name: 'edge',
    profile,
    addresses: 'public',
    trustedProxies: ['10.0.0.0/8', 'unix'],
    access: anyOf(
      allOf(clientAddresses(['10.0.0.0/8']), basic(users, credentials)),
      bearer(tokens),
      clientCertificate({ dnsNames: ['backup.example.com'], identity: 'dnsName' }),
      forwardAuth({ url: 'https://login.example.com/', copyHeaders: ['Remote-User'], timeout: '5s' }),
      jwt(tokenRules),
      own,
    ),
    headers: fieldOptions,
    timeouts: {
      connect: '5s',
      responseHead: 30_000,
      upstreamIdle: '1m',
      clientIdle: false,
      tunnelIdle: '1h',
      total: '1d',
    },
    limits: { minRate: '1KiB', responseHead: 65_536, responseHeaders: 100 },
    observers: [observer, {}],
    errors: 'throw',
  };
  const proxy: ReverseProxy = createProxy(options);
  attach(createSecureServer({ key: 'PEM', cert: 'PEM' }), proxy);
  const running: number = proxy.active;
  if (running > 0) await proxy.close();
  proxy.destroy();
  return proxy.handle(...handlerArguments(), { awaitsContinue: true, url: 'http://origin.example/file' });
}

const rules: HeaderRuleOptions = {
  set: { 'X-A': ['1', '2'] },
  append: { Vary: 'Origin' },
  remove: ['Server'],
};
const cookies: CookieOptions = {
  domain: { 'old.example': 'new.example', '*': '' },
  path: '/',
  secure: 'match',
};
const fieldOptions: HeaderOptions = {
  host: 'client',
  request: rules,
  response: rules,
  cookies,
  location: 'rewrite',
};
// @ts-expect-error -- neither a word nor an object
export const noCookies: HeaderOptions = { cookies: 'drop' };

declare function handlerArguments(): [IncomingMessage, ServerResponse];

export const hooks: Hooks = {
  onRequest({ request }: { request: DownstreamRequest }) {
    const fields: ReadonlyFields = request.headers;
    // @ts-expect-error -- what the client has sent is not changed
    request.method = 'PUT';
    if (fields.get('authorization') === undefined) {
      return { status: 401, headers: { 'WWW-Authenticate': ['Basic', 'Bearer'] }, content: 'Who are you?' };
    }
    if (request.path.startsWith('/files/')) return { upstream: new URL('http://files.example') };
    return undefined;
  },
  async onUpstreamRequest({ request, upstreamRequest }) {
    const client: ForwardedClient = request.forwarded;
    upstreamRequest.headers
      .set('X-Client', client.for ?? request.clientAddress ?? 'unknown')
      .delete('Cookie');
    if (upstreamRequest.joinedTo === null) upstreamRequest.headers.set('X-Client-Proto', client.proto);
    upstreamRequest.method = 'GET';
    upstreamRequest.path = '/other';
    upstreamRequest.setTarget('http://other.example');
    await Promise.resolve();
  },
  onUpstreamResponse({ upstreamResponse, response, request }) {
    // @ts-expect-error -- what the origin server has sent is not changed either
    upstreamResponse.status = 200;
    if (upstreamResponse.status === 404 && request.method === 'GET')
      response.content = Readable.from(['Not here']);
    for (const [name, value] of upstreamResponse.headers) response.headers.append(`X-${name}`, value);
  },
  onError({
    error,
    request,
  }: {
    error: SluicewayError;
    request: DownstreamRequest | null;
  }): Answer | undefined {
    if (error.source === 'downstream' || request === null) return undefined;
    return { status: error.status, content: new TextEncoder().encode(error.publicMessage) };
  },
};

export async function fileHandler(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const outcome = await streamFrom(request, response, 'https://files.example/large.iso');
  if (outcome === 'client_aborted') return;
  await streamFrom(request, response, new URL('http://10.0.0.5/large.iso'), {
    profile: 'passThrough',
    addresses: 'any',
    tls: { ca: 'PEM' },
    ...hooks,
    // @ts-expect-error -- the URL of the call is the upstream
    upstream: 'http://127.0.0.1',
  });
}

/** A transport that answers everything by itself. */
export class OwnTransport implements Transport {
  send(request: TransportRequest): Exchange {
    const content: ChunkSource = {
      trailers: null,
      start(sink: ChunkSink) {
        sink.chunk(Buffer.from(`${request.method} ${request.path}`), () => sink.end());
      },
      cancel() {},
    };
    const response: TransportResponse = {
      httpVersion: '1.1',
      status: 200,
      statusText: 'OK',
      headers: new Fields(['Content-Type', 'text/plain']),
      contentLength: null,
      content,
      tunnel: null,
    };
    request.onRequestSent();
    return {
      response: Promise.resolve(response),
      abort(error: SluicewayError) {
        content.cancel();
        process.emitWarning(error);
      },
    };
  }

  async close(): Promise<void> {}
  destroy(): void {}
}

export function mistakes(): void {
  try {
    createProxy({ upstream: 'http://origin.example', transport: new OwnTransport(), profile: thirdParty });
    // @ts-expect-error -- an unknown option
    createProxy({ upsteam: 'http://origin.example' });
    // @ts-expect-error -- verification cannot be turned off
    createProxy({ upstream: { url: 'https://origin.example', tls: { rejectUnauthorized: false } } });
    // @ts-expect-error -- not an outcome
    const outcome: Outcome = 'done';
    throw new SluicewayError('content_too_large', `${outcome} ${parseBytes('1MiB')}`, { status: 413 });
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    for (const { path, message } of error.problems) process.stderr.write(`${path} ${message}\n`);
  }
}

export function signsLinks(file: KeyOptions = { file: 'keys.json' }): Grant {
  const keys: readonly Key[] = parseKeys(formatKeys([generateKey(), generateKey(new Date())]));
  const options: LinkOptions = { keys, base: 'https://files.example', path: '/get', form: 'signed' };
  const links: Links = createLinks(options);
  const grant: GrantOptions = {
    url: new URL('https://bucket.example/report.pdf'),
    expires: '1h',
    filename: 'report.pdf',
    disposition: 'inline',
    contentType: 'application/pdf',
    methods: ['GET'],
    maxBytes: '5GiB',
    rate: '1MiB',
    clientIp: '192.0.2.0/24',
    singleUse: true,
    headers: {},
  };
  const use: LinkUse = { method: 'GET', clientAddress: '192.0.2.7', now: Date.now() };
  const { grant: verified, id }: VerifiedLink = links.verify(links.sign(grant), use);
  process.stdout.write(id);
  createLinks({ keys: file }).sign({ ...grant, expires: new Date(), headers: { Authorization: 'Bearer x' } });
  return links.read(createLinks({ keys: { env: 'KEYS' } }).sign(grant)).grant ?? verified;
}

export function signsUrls(options: SignedUrlOptions): string {
  const sign: UrlSigner = createUrlSigner(options);
  const conditions: SignedUrlConditions = { expires: '1h', methods: ['PUT'], clientIp: '192.0.2.7' };
  createProxy({ upstream: 'http://127.0.0.1:9000', access: signed(options) }).destroy();
  return sign('/upload/a.zip', conditions);
}

interface User {
  name: string;
}

/** What an application knows of a request reaches the hooks with its type, and everything else with none. */
export function knowsItsUsers(incoming: IncomingMessage, outgoing: ServerResponse): Handler<User> {
  const client: KnownClient = { address: '192.0.2.7', protocol: 'https', host: 'files.example' };
  const context: HandleContext<User> = { context: { name: 'ann' }, client, errors: 'throw' };
  const inferred = createProxy({
    onRequest: ({ request }: { request: DownstreamRequest<User> }) => answerTo(request),
  });
  const proxy: ReverseProxy<User> = createProxy<User>({
    upstream: 'http://127.0.0.1:9000',
    onUpstreamRequest: ({ request, upstreamRequest }) =>
      void upstreamRequest.headers.set('X-User', request.context.name),
  });
  void proxy.handle(incoming, outgoing, context);
  void streamFrom(incoming, outgoing, 'https://files.example/', {}, { content: Buffer.of(1) });
  // @ts-expect-error: the context of another type
  void inferred.handle(incoming, outgoing, { context: { title: 'Dr.' } });
  const untyped: Handler = proxy;
  attach(createServer(), untyped);
  return mount({ '/': stripPrefix('/files', proxy) });
}

const answerTo = ({ context }: DownstreamRequest<User>): Answer => ({ status: 200, content: context.name });
