import { byId, element } from './dom.js';

const TOAST_MS = 6000;
const MAX_TOASTS = 3;

/** Shows a message for a few seconds. Screen readers read it. */
export function toast(message: string, tone: 'good' | 'bad' = 'good'): void {
  const list = byId('toasts');
  const item = element('p', { class: `toast ${tone}` }, message);
  list.append(item);
  // Above a dialog that is open.
  list.hidePopover();
  list.showPopover();
  while (list.children.length > MAX_TOASTS) list.firstElementChild?.remove();
  setTimeout(() => item.remove(), TOAST_MS);
}

const INTERVAL_MS = 5000;

/** Tells screen readers what happens: politely, at most every few seconds, and in one sentence. */
export class Announcer {
  readonly #counts = new Map<string, number>();
  #isScheduled = false;

  /** Counts an event, such as `completed`. */
  count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setTimeout(() => this.#flush(), INTERVAL_MS);
  }

  say(text: string): void {
    byId('announcer').textContent = text;
  }

  #flush(): void {
    this.#isScheduled = false;
    const parts = Array.from(this.#counts, ([what, count]) => `${count} ${what}`);
    this.#counts.clear();
    this.say(`Transfers: ${parts.join(', ')}.`);
  }
}
