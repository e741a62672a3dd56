import { isInstance, SluicewayError, toSluicewayError } from '../../errors.js';
import { problemJson } from '../../http/problem.js';
import { OptionsError } from '../../options/checker.js';

/**
 * A failure for the error handlers of frameworks: `status` and `statusCode` for the response, `headers` to send with
 * it, and a message that any client may read, since many handlers send it. The `cause` is the original error, whose
 * message is for logs and can contain addresses.
 */
export class FrameworkError extends SluicewayError {
  readonly statusCode: number;
  override readonly headers: Readonly<Record<string, string | string[]>>;
  /** Whether a framework may show the message to the client. False for 5xx, which frameworks then log as well. */
  readonly expose: boolean;

  constructor(failure: SluicewayError) {
    const { code, status, outcome, publicMessage, retryable, headers: fields } = failure;
    super(code, publicMessage, { cause: failure, status, outcome, publicMessage, retryable });
    const headers: Record<string, string | string[]> = { 'Cache-Control': 'no-store' };
    for (const [name, value] of Object.entries(fields))
      headers[name] = typeof value === 'string' ? value : [...value];
    this.statusCode = status;
    this.headers = headers;
    this.expose = status < 500;
  }

  /** The proxy's answer. Hono's error handler sends it. */
  getResponse(): Response {
    const headers = new Headers({ 'Content-Type': 'application/problem+json' });
    for (const [name, value] of Object.entries(this.headers)) {
      for (const line of typeof value === 'string' ? [value] : value) headers.append(name, line);
    }
    return new Response(problemJson(this.status, this.publicMessage), { status: this.status, headers });
  }
}

/** Converts a rejection for the error handler of a framework. An `OptionsError` is returned unchanged. */
export const toFrameworkError = (thrown: unknown): FrameworkError | OptionsError =>
  isInstance(thrown, OptionsError) || isInstance(thrown, FrameworkError)
    ? thrown
    : new FrameworkError(toSluicewayError(thrown));
