/** A certificate could not be obtained. The message is complete, and has no secrets. */
export class AcmeError extends Error {
  override readonly name = 'AcmeError';
  /** The type of a problem document, such as `rateLimited`, without its prefix; `''` if there is none. */
  readonly type: string;
  /** How long the authority wants to be left alone; 0 if it does not say. */
  readonly retryAfterMs: number;

  constructor(message: string, details: { type?: string; retryAfterMs?: number; cause?: unknown } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.type = details.type ?? '';
    this.retryAfterMs = details.retryAfterMs ?? 0;
  }
}
