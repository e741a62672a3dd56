import {
  createStreamer,
  Fields,
  type LiveTransfer,
  type Outcome,
  type Profile,
  type SluicewayError,
  type Streamer,
  type StreamFromOptions,
  type TransferRecord,
  thirdParty,
} from 'sluiceway';
import { type FetchContext, type FetchHandler, toFetch } from 'sluiceway/fetch';
import type { RestRequest } from './judge.js';

export interface OriginOptions {
  url: string;
  mirrors: readonly string[];
  /** Fields for the origin of the URL only, not for mirrors and redirects to other origins. */
  headers: readonly (readonly [name: string, value: string])[];
  userAgent: string;
  digest: string | null;
  digestSidecar: string | null;
  /** How long the engine tries to continue broken content. 0: not at all. */
  retryForMs: number;
  ca: string | null;
  egressProxy: string | null;
}

/** A response whose content is on its way. */
export interface Answer {
  status: number;
  headers: Fields;
  /** Null if there is none. */
  content: ReadableStream<Uint8Array> | null;
  /** Resolves with the record when the transfer is over, however it ended. */
  ended: Promise<TransferRecord>;
  /** How often it has been continued after a break. */
  resumes(): number;
  /** Discards the rest of the content. */
  cancel(): Promise<void>;
}

/** Users name the URL themselves, so it may lead into a private network. */
const profile: Profile = { ...thirdParty, name: 'get', addresses: 'any', maxRedirects: 10 };

/** Attempts in a row without a byte. The time decides, not the number. */
const MANY_ATTEMPTS = 1_000_000;

/** The servers of a file, asked through the data path of the proxy. */
export class Origin {
  readonly #streamer: Streamer<FetchContext>;
  readonly #fetch: FetchHandler;
  readonly #options: OriginOptions;
  #begin: (transfer: LiveTransfer) => void = () => {};
  readonly #ends = new Map<string, (record: TransferRecord) => void>();

  /** Throws an `OptionsError`. */
  constructor(options: OriginOptions) {
    this.#options = options;
    this.#streamer = createStreamer<FetchContext>(this.#toStreamerOptions(options));
    const streamer = this.#streamer;
    const places = [options.url, ...options.mirrors];
    const onlyServes = (): Promise<Outcome> => {
      throw new TypeError('There are no requests of Node here');
    };
    this.#fetch = toFetch(
      {
        handle: onlyServes,
        upgrade: onlyServes,
        serve: (exchange, context) => streamer.serve(exchange, places, context),
      },
      { allowUndetectableTruncation: true, errors: 'throw' },
    );
  }

  /** Sends a request. Resolves with the answer when its head has arrived. Rejects with a `SluicewayError`. */
  async ask({ first, ifRange }: RestRequest, signal: AbortSignal): Promise<Answer> {
    const headers = new Headers({ 'user-agent': this.#options.userAgent, accept: '*/*' });
    headers.set('accept-encoding', 'identity');
    if (first !== null) headers.set('range', `bytes=${first}-`);
    if (ifRange !== null) headers.set('if-range', ifRange);
    let transfer: LiveTransfer | null = null;
    const ended = new Promise<TransferRecord>((resolve) => {
      this.#begin = (begun) => {
        transfer = begun;
        this.#ends.set(begun.id, resolve);
      };
    });
    const response = await this.#fetch(new Request('http://get.invalid/', { headers, signal }));
    const { body, status } = response;
    return {
      status,
      headers: toFields(response.headers),
      content: body,
      ended,
      resumes: () => transfer?.resumes ?? 0,
      cancel: async () => {
        await body?.cancel().catch(() => {});
      },
    };
  }

  /** Closes all connections. */
  close(): void {
    this.#streamer.destroy();
  }

  #toStreamerOptions(options: OriginOptions): StreamFromOptions<FetchContext> {
    const { headers, digest, digestSidecar, retryForMs, ca, egressProxy } = options;
    return {
      profile,
      resume: retryForMs === 0 ? false : { timeout: retryForMs, attempts: MANY_ATTEMPTS },
      digests: { ranges: 'unverified', ...(digestSidecar !== null && { sidecar: digestSidecar }) },
      ...(digest !== null && { digest }),
      ...(ca !== null && { tls: { ca } }),
      ...(egressProxy !== null && { egressProxy }),
      observers: [
        {
          onTransferStart: (transfer) => this.#begin(transfer),
          onTransferEnd: (record) => {
            this.#ends.get(record.id)?.(record);
            this.#ends.delete(record.id);
          },
        },
      ],
      // Fields that a hook adds are not sent to other origins.
      onUpstreamRequest: ({ upstreamRequest }) => {
        for (const [name] of headers) upstreamRequest.headers.delete(name);
        for (const [name, value] of headers) upstreamRequest.headers.append(name, value);
      },
    };
  }
}

/** The codes of failures that another attempt does not change. */
const FINAL: ReadonlySet<string> = new Set([
  'tls_certificate_error',
  'http_response_digest_mismatch',
  'digest_unavailable',
  'too_many_redirects',
]);

/** Whether another attempt may succeed after a failure. */
export const mayPass = (error: SluicewayError): boolean =>
  error.source === 'upstream' && !FINAL.has(error.code);

function toFields(headers: Headers): Fields {
  const fields = new Fields();
  for (const [name, value] of headers) fields.append(name, value);
  return fields;
}
