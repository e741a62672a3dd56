import type { ClientResponse } from '../../downstream/exchange.js';
import type { Fields } from '../../http/fields.js';

/** The properties used of a Hono 4 context. Hono's `Context` is assignable. */
export interface HonoContext {
  readonly env: unknown;
  readonly req: {
    readonly bodyCache: object;
    arrayBuffer(): Promise<ArrayBuffer>;
    formData(): Promise<FormData>;
  };
  /** Hono lists the allowed statuses; `never` is assignable to any such list. */
  newResponse(data: null, status: never, headers: Record<string, string>): Response;
}

/** Tells `@hono/node-server` that the response has been sent. */
const ALREADY_SENT = 'x-hono-already-sent';
/** Fields of the actual response, which middleware cannot have set. */
const OF_CONTENT: ReadonlySet<string> = new Set([ALREADY_SENT, 'content-type', 'content-length']);
/** Fields with cumulative lines: the application's line must not replace one that protects a file. */
const ADDED: ReadonlySet<string> = new Set(['set-cookie', 'vary', 'content-security-policy']);
/** The highest status of a `Response`. */
const MAX_STATUS = 599;
/** A response with the fields that `c.header` has set. */
export const placeholder = (c: HonoContext, status: number): Response =>
  c.newResponse(null, Math.min(status, MAX_STATUS) as never, { [ALREADY_SENT]: 'true' });

/** Adds fields like Hono does for a handler's response, except fields with cumulative lines. */
export function addFields(fields: Fields, headers: Headers): void {
  for (const [name, value] of headers) {
    if (ADDED.has(name)) fields.append(name, value);
    else if (!OF_CONTENT.has(name)) fields.set(name, value);
  }
}

/**
 * Protects a response that the proxy writes from node-server. If middleware abandons a response that has begun (a
 * timeout), node-server ends it with an error message, which the client would mistake for part of the file; the guard
 * aborts the response instead. When the response is complete, node-server sends the head of its placeholder again,
 * unless that is one of Node's own responses, which are expensive to create.
 */
export class ResponseGuard {
  readonly #outgoing: ClientResponse;
  #isInstalled = false;
  #isOver = false;

  constructor(outgoing: ClientResponse) {
    this.#outgoing = outgoing;
  }

  /** Called immediately after the head. Before it there is nothing to protect, and `writeHead` stays unmodified. */
  install(): void {
    const outgoing = this.#outgoing;
    if (this.#isInstalled || !outgoing.headersSent) return;
    this.#isInstalled = true;
    const end = outgoing.end.bind(outgoing) as () => unknown;
    const guarded: { writeHead: unknown; end: unknown } = outgoing;
    const refuse = (): unknown => this.#refuse();
    const endOnce = (...text: unknown[]): unknown =>
      this.#isOver || text.length > 0 ? this.#refuse() : end();
    guarded.writeHead = refuse;
    guarded.end = endOnce;
  }

  /** If nothing was sent, other code may answer. */
  over(): void {
    this.#isOver = true;
    this.install();
  }

  #refuse(): ClientResponse {
    if (!this.#isOver) this.#outgoing.destroy();
    return this.#outgoing;
  }
}
