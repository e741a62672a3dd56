/** Most entries of one event in a window. A scan or a misconfigured client causes thousands that say the same. */
const MAX_ENTRIES = 20;
const WINDOW_MS = 10_000;

interface Window {
  count: number;
  suppressed: number;
}

/** Limits the entries of each event. */
export class EntryLimit {
  readonly #windows = new Map<string, Window>();
  readonly #onSuppressed: (event: string, entries: number) => void;

  /** `onSuppressed` is called at the end of a window in which entries were suppressed. */
  constructor(onSuppressed: (event: string, entries: number) => void) {
    this.#onSuppressed = onSuppressed;
  }

  /** Whether an entry of the event may be written. */
  admit(event: string): boolean {
    let window = this.#windows.get(event);
    if (window === undefined) {
      window = { count: 0, suppressed: 0 };
      this.#windows.set(event, window);
      setTimeout(() => this.#end(event), WINDOW_MS).unref();
    }
    window.count += 1;
    if (window.count <= MAX_ENTRIES) return true;
    window.suppressed += 1;
    return false;
  }

  /** Ends all windows. */
  end(): void {
    for (const event of [...this.#windows.keys()]) this.#end(event);
  }

  #end(event: string): void {
    const suppressed = this.#windows.get(event)?.suppressed ?? 0;
    this.#windows.delete(event);
    if (suppressed > 0) this.#onSuppressed(event, suppressed);
  }
}
