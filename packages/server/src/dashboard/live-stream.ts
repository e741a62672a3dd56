import { type Api, ApiError } from './api.js';
import { EventParser, type StreamEvent } from './event-stream.js';

export type Connection =
  | { state: 'connecting' }
  | { state: 'live' }
  /** `retryAt`: milliseconds of `performance.now()`. */
  | { state: 'lost'; retryAt: number; message: string }
  | { state: 'signed-out' };

export interface LiveStreamOptions {
  api: Api;
  onEvent(event: StreamEvent): void;
  onConnection(connection: Connection): void;
}

/** The server writes a comment every 15 seconds, so a longer silence is a lost connection. */
const SILENCE_MS = 40_000;
const MIN_DELAY_MS = 500;
const MAX_DELAY_MS = 5000;

/** Reads the events of the server, and connects again whenever the connection is lost. */
export class LiveStream {
  readonly #options: LiveStreamOptions;
  #wake: (() => void) | null = null;
  #failures = 0;

  constructor(options: LiveStreamOptions) {
    this.#options = options;
    addEventListener('online', () => this.retry());
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.retry();
    });
  }

  async run(): Promise<never> {
    const { onConnection } = this.#options;
    onConnection({ state: 'connecting' });
    for (;;) {
      let message = 'The connection was lost.';
      try {
        await this.#read();
      } catch (error) {
        if (error instanceof ApiError) {
          message = error.message;
          if (error.status === 401) {
            onConnection({ state: 'signed-out' });
            await this.#pause(null);
            continue;
          }
        }
      }
      const delay = Math.min(MAX_DELAY_MS, MIN_DELAY_MS * 2 ** this.#failures) * (0.8 + Math.random() * 0.4);
      this.#failures++;
      onConnection({ state: 'lost', retryAt: performance.now() + delay, message });
      await this.#pause(delay);
    }
  }

  /** Connects now if the connection is lost. */
  retry(): void {
    this.#wake?.();
  }

  async #read(): Promise<void> {
    const { api, onEvent, onConnection } = this.#options;
    const abort = new AbortController();
    let silence = setTimeout(() => abort.abort(), SILENCE_MS);
    try {
      const response = await api.request('/api/events', {
        headers: { Accept: 'text/event-stream' },
        signal: abort.signal,
      });
      if (response.body === null) return;
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      const parser = new EventParser();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(silence);
        silence = setTimeout(() => abort.abort(), SILENCE_MS);
        for (const event of parser.push(value)) {
          if (event.type === 'snapshot') {
            this.#failures = 0;
            onConnection({ state: 'live' });
          }
          onEvent(event);
        }
      }
    } finally {
      clearTimeout(silence);
      abort.abort();
    }
  }

  #pause(ms: number | null): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === null ? undefined : setTimeout(() => this.#wake?.(), ms);
      const wake = (): void => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
      this.#wake = wake;
    });
  }
}
