import type { ClientResponse } from '../../downstream/exchange.js';
import type { Fields } from '../../http/fields.js';

/** What is needed of a context of Hono 4: `Context` of its types is one. */
export interface HonoContext {
  readonly env: unknown;
  readonly req: {
    readonly bodyCache: object;
    arrayBuffer(): Promise<ArrayBuffer>;
    formData(): Promise<FormData>;
  };
  /** Hono lists the statuses that there are; `never` is any list of them. */
  newResponse(data: null, status: never, headers: Record<string, string>): Response;
}

/** Says to `@hono/node-server` that there is nothing left to send. */
const ALREADY_SENT = 'x-hono-already-sent';
/** Of the response as it is, whatever middleware has set before. */
const OF_CONTENT: ReadonlySet<string> = new Set([ALREADY_SENT, 'content-type', 'content-length']);
/** Of these, several lines hold together: one of the application must not take the place of one that protects a file. */
const ADDED: ReadonlySet<string> = new Set(['set-cookie', 'vary', 'content-security-policy']);
/** A `Response` can have no other. */
const MAX_STATUS = 599;
/** With what `c.header` has set. */
export const placeholder = (c: HonoContext, status: number): Response =>
  c.newResponse(null, Math.min(status, MAX_STATUS) as never, { [ALREADY_SENT]: 'true' });

/** As Hono itself adds them to a response that a handler returns, but for those of which each line counts. */
export function addFields(fields: Fields, headers: Headers): void {
  for (const [name, value] of headers) {
    if (ADDED.has(name)) fields.append(name, value);
    else if (!OF_CONTENT.has(name)) fields.set(name, value);
  }
}

/**
 * Keeps node-server from a response that is ours. Where middleware gives up on one that has begun (a timeout), it ends
 * it with the text of an error, which would be taken for the file's: that breaks it off. When it is over, node-server
 * sends the head of the response that stands for it once more, unless it is one of Node's own, which are dear to make.
 */
export class ResponseGuard {
  readonly #outgoing: ClientResponse;
  #isInstalled = false;
  #isOver = false;

  constructor(outgoing: ClientResponse) {
    this.#outgoing = outgoing;
  }

  /** Right after the head; before it there is nothing to keep, and `writeHead` is best left as Node has it. */
  install(): void {
    const outgoing = this.#outgoing;
    if (this.#isInstalled || !outgoing.headersSent) return;
    this.#isInstalled = true;
    const end = outgoing.end.bind(outgoing) as () => unknown;
    const guarded: { writeHead: unknown; end: unknown } = outgoing;
    guarded.writeHead = () => this.#refuse();
    guarded.end = (...text: unknown[]) => (this.#isOver || text.length > 0 ? this.#refuse() : end());
  }

  /** Somebody else may send where nothing was sent. */
  over(): void {
    this.#isOver = true;
    this.install();
  }

  #refuse(): ClientResponse {
    if (!this.#isOver) this.#outgoing.destroy();
    return this.#outgoing;
  }
}
