/** An answer that is no success, or no answer at all. */
export class ApiError extends Error {
  override readonly name: string = 'ApiError';
  /** 0 if there was no answer. */
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

const TOKEN_KEY = 'sluiceway-token';

/** Requests to the admin listener that serves this page. */
export class Api {
  /** The bearer token of the user, if the listener requires one. */
  #bearer = sessionStorage.getItem(TOKEN_KEY);
  /** Proves that a change comes from this page, and not from one of another site. */
  #session: string | null = null;

  get hasBearer(): boolean {
    return this.#bearer !== null;
  }

  /** Null forgets it. */
  setBearer(token: string | null): void {
    this.#bearer = token;
    this.#session = null;
    if (token === null) sessionStorage.removeItem(TOKEN_KEY);
    else sessionStorage.setItem(TOKEN_KEY, token);
  }

  async get<T>(path: string): Promise<T> {
    const response = await this.request(path);
    return (await response.json()) as T;
  }

  /** Sends a change. A server that was restarted has another token, so the first refusal is no error. */
  async post<T>(path: string, content: unknown = {}): Promise<T> {
    try {
      return await this.#post(path, content);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 403) throw error;
      this.#session = null;
      return await this.#post(path, content);
    }
  }

  async #post<T>(path: string, content: unknown): Promise<T> {
    this.#session ??= (await this.get<{ token: string }>('/api/session')).token;
    const response = await this.request(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-Sluiceway-Token': this.#session },
      body: JSON.stringify(content),
    });
    return (await response.json()) as T;
  }

  async request(path: string, options: RequestInit = {}): Promise<Response> {
    const headers = new Headers(options.headers);
    if (this.#bearer !== null) headers.set('Authorization', `Bearer ${this.#bearer}`);
    let response: Response;
    try {
      response = await fetch(path, { ...options, headers, cache: 'no-store' });
    } catch (error) {
      if (options.signal?.aborted === true) throw error;
      throw new ApiError('The server does not answer.', 0);
    }
    if (response.ok) return response;
    throw new ApiError(await messageOf(response), response.status);
  }
}

/** Errors are problem reports (RFC 9457) or have a `message`. */
async function messageOf(response: Response): Promise<string> {
  try {
    const { detail, message } = (await response.json()) as { detail?: unknown; message?: unknown };
    for (const text of [detail, message]) if (typeof text === 'string') return text;
  } catch {
    // Another server's answer, such as that of a proxy in front of this one.
  }
  return `The server answered ${response.status}.`;
}
