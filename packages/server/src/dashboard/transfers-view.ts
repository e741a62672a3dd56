import { byId, setText } from './dom.js';
import type { Filters } from './filters.js';
import { countOf, formatCount } from './format.js';
import type { Announcer } from './notices.js';
import { isFiltered, select } from './select.js';
import type { TransferItem, TransferStore } from './store.js';
import type { Table } from './table.js';

/** How often the order may change while the server sends changes. A row that moves all the time cannot be clicked. */
const ORDER_INTERVAL_MS = 1000;
/** With more transfers than this, new ones wait for that, too. */
const MANY = 300;

/** The table with its filters, its count and what is there instead of rows. */
export class TransfersView {
  readonly #store: TransferStore;
  readonly #table: Table;
  readonly #filters: Filters;
  readonly #announcer: Announcer;
  #items: readonly TransferItem[] = [];
  #version = -1;
  #orderedAt = 0;
  #isRequested = false;

  constructor(store: TransferStore, table: Table, filters: Filters, announcer: Announcer) {
    this.#store = store;
    this.#table = table;
    this.#filters = filters;
    this.#announcer = announcer;
  }

  /** Draws with the next frame. A hidden page has no frames, and costs nothing. */
  request(): void {
    if (this.#isRequested) return;
    this.#isRequested = true;
    requestAnimationFrame(() => {
      this.#isRequested = false;
      this.draw();
    });
  }

  /** Durations go on, and what ended leaves. */
  tick(): void {
    if (!document.hidden) this.request();
  }

  /** The user has changed what to show. */
  select(): void {
    this.#version = -1;
    scrollToTable();
    this.draw();
    if (isFiltered(this.#filters.selection)) this.#announcer.say(countOf(this.#items.length, 'transfer'));
  }

  draw(): void {
    const now = this.#store.timeOf(performance.now());
    this.#store.expire(now);
    const isNew = this.#store.version !== this.#version;
    const isDue = now - this.#orderedAt >= ORDER_INTERVAL_MS;
    if (isDue || this.#version === -1 || (isNew && this.#store.size <= MANY)) {
      this.#version = this.#store.version;
      this.#orderedAt = now;
      this.#items = select(this.#store.items, this.#filters.selection, now);
      if (isNew) this.#filters.offerRoutes(this.#store.items);
      this.#table.show(this.#items);
    } else this.#table.draw();
    this.#showCounts();
  }

  #showCounts(): void {
    const { running, size } = this.#store;
    setText(byId('badge-transfers'), formatCount(running));
    document.title = running === 0 ? 'Sluiceway' : `${formatCount(running)} running · Sluiceway`;
    const filtered = isFiltered(this.#filters.selection);
    setText(
      byId('result-count'),
      filtered ? `${formatCount(this.#items.length)} of ${formatCount(size)}` : '',
    );
    const isEmpty = this.#items.length === 0;
    byId('empty').hidden = !isEmpty;
    byId('transfers').hidden = isEmpty;
    if (!isEmpty) return;
    const isNoMatch = size > 0;
    setText(byId('empty-title'), isNoMatch ? 'No transfer matches' : 'Nothing is moving');
    setText(
      byId('empty-text'),
      isNoMatch
        ? `${countOf(size, 'transfer')} running, and none of them is what you are looking for.`
        : 'A transfer appears here as soon as a client requests something through the proxy, and leaves when it has ended. Start a download in another window to see one.',
    );
    byId('empty-clear').hidden = !isNoMatch;
    byId('empty-demo').hidden = isNoMatch || document.documentElement.dataset['demo'] === undefined;
  }
}

/** Back to the first row, if the page is scrolled beyond it. */
function scrollToTable(): void {
  const top = byId('panel-transfers').getBoundingClientRect().top;
  if (top < 0) scrollBy({ top: top - 80, behavior: 'instant' });
}
