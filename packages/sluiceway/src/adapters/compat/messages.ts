import { SluicewayError } from '../../errors.js';
import type { Fields } from '../../http/fields.js';
import type { DownstreamResponseDraft, UpstreamResponse } from '../../proxy/messages/responses.js';
import type { UpstreamRequestDraft } from '../../proxy/messages/upstream-request.js';

/**
 * Reports a member of http-proxy's objects that is not supported. The client gets 500; the log names the alternative.
 */
function refuse(what: string, instead: string): never {
  throw new SluicewayError('proxy_configuration_error', `${what} is not supported: ${instead}`);
}

type FieldValue = string | number | readonly string[];

/** The argument of `on.proxyReq` instead of a `ClientRequest`. Its head can be changed; content cannot be written. */
export class ProxyRequest {
  readonly #draft: UpstreamRequestDraft;

  constructor(draft: UpstreamRequestDraft) {
    this.#draft = draft;
  }

  /** Whether `setContent` was called. */
  get hasOwnContent(): boolean {
    return this.#draft.content !== undefined;
  }

  /** Replaces the client's content. `fixRequestBody` uses it. */
  setContent(content: Uint8Array): void {
    this.#draft.content = content;
  }

  get method(): string {
    return this.#draft.method;
  }

  set method(method: string) {
    this.#draft.method = method;
  }

  get path(): string {
    return this.#draft.path;
  }

  set path(path: string) {
    this.#draft.path = path;
  }

  get protocol(): string {
    return this.#draft.target.base.protocol;
  }

  get host(): string {
    return this.#draft.target.base.hostname;
  }

  setHeader(name: string, value: FieldValue): this {
    this.#draft.headers.set(name, typeof value === 'object' ? value : String(value));
    return this;
  }

  getHeader(name: string): string | undefined {
    return this.#draft.headers.get(name);
  }

  hasHeader(name: string): boolean {
    return this.#draft.headers.has(name);
  }

  removeHeader(name: string): void {
    this.#draft.headers.delete(name);
  }

  getHeaderNames(): string[] {
    return [...new Set([...this.#draft.headers].map(([name]) => name.toLowerCase()))];
  }

  write(): never {
    refuse('proxyReq.write()', 'change request.body, and call fixRequestBody(proxyReq, request)');
  }

  end(): never {
    refuse('proxyReq.end()', 'change request.body, and call fixRequestBody(proxyReq, request)');
  }

  destroy(): never {
    refuse('proxyReq.destroy()', 'throw an error in on.proxyReq');
  }
}

/** The argument of `on.proxyRes` instead of an `IncomingMessage`: a head that can be changed, without content. */
export class ProxyResponse {
  statusCode: number;
  statusMessage: string;
  readonly httpVersion: string;
  /** By lower-case names, like Node's: `set-cookie` is a list, and lines of other names are joined. */
  readonly headers: Record<string, string | string[]> = {};
  /** The request that it answers. */
  readonly req: ProxyRequest | null;

  constructor(received: UpstreamResponse, draft: DownstreamResponseDraft, request: ProxyRequest | null) {
    this.req = request;
    this.statusCode = draft.status;
    this.statusMessage = draft.statusText;
    this.httpVersion = received.httpVersion;
    for (const [written] of draft.headers) {
      const name = written.toLowerCase();
      const lines = draft.headers.getAll(name);
      this.headers[name] = name === 'set-cookie' ? lines : lines.join(', ');
    }
  }

  /** Applies the changes of this object to the draft. */
  applyTo(draft: DownstreamResponseDraft): void {
    draft.status = this.statusCode;
    draft.statusText = this.statusMessage;
    const { headers }: { headers: Fields } = draft;
    for (const [name] of [...headers]) if (!(name.toLowerCase() in this.headers)) headers.delete(name);
    for (const [name, value] of Object.entries(this.headers)) {
      const before =
        name.toLowerCase() === 'set-cookie' ? headers.getAll(name) : headers.getAll(name).join(', ');
      if (String(before) !== String(value)) headers.set(name, value);
    }
  }

  on(): never {
    refuse('proxyRes.on()', 'use transform of createProxy, or an observer with onResponseContent');
  }

  once(): never {
    refuse('proxyRes.once()', 'use transform of createProxy, or an observer with onResponseContent');
  }

  pipe(): never {
    refuse('proxyRes.pipe()', 'the response is relayed anyway; use transform of createProxy to change it');
  }
}
