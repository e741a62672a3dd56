import { isInstance, SluicewayError, toSluicewayError } from '../../errors.js';
import type { ReadonlyFields } from '../../http/fields.js';
import { problemJson } from '../../http/problem.js';
import { OptionsError } from '../../options/checker.js';

/**
 * A failure for the error handlers of frameworks: `status` and `statusCode` for the response, `headers` to send with
 * it, such as `Retry-After` and the request id, and a message that any client may read, since many handlers send it. The `cause` is the original error, whose
 * message is for logs and can contain addresses.
 */
export class FrameworkError extends SluicewayError {
  readonly statusCode: number;
  override readonly headers: Readonly<Record<string, string | string[]>>;
  /** Whether a framework may show the message to the client. False for 5xx, which frameworks then log as well. */
  readonly expose: boolean;

  /** `answer`: fields that the answer should have, instead of those of the failure itself. */
  constructor(failure: SluicewayError, answer?: ReadonlyFields) {
    const { code, status, outcome, publicMessage, retryable } = failure;
    super(code, publicMessage, { cause: failure, status, outcome, publicMessage, retryable });
    const headers: Record<string, string | string[]> = { 'Cache-Control': 'no-store' };
    if (answer === undefined) Object.assign(headers, failure.headers);
    else for (const [name, value] of answer) headers[name] = oneOrAll(value, answer.getAll(name));
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

const oneOrAll = (value: string, all: string[]): string | string[] => (all.length === 1 ? value : all);

/**
 * Converts a rejection for the error handler of a framework. `answer`: fields that the answer should have, if they are
 * known. An `OptionsError` is returned unchanged.
 */
export const toFrameworkError = (thrown: unknown, answer?: ReadonlyFields): FrameworkError | OptionsError =>
  isInstance(thrown, OptionsError) || isInstance(thrown, FrameworkError)
    ? thrown
    : new FrameworkError(toSluicewayError(thrown), answer);
