import { byId, setAttribute } from './dom.js';
import { Row } from './row.js';
import type { TransferItem } from './store.js';

export interface TableOptions {
  /** The time up to which transfers are known, in milliseconds of `performance.now()`. */
  now(): number;
  onOpen(id: string): void;
  onAbort(id: string): void;
  onLimit(id: string): void;
}

/** Rows that are drawn above and below what is in view. */
const MARGIN_ROWS = 6;
const MANY = 300;

/**
 * The table of transfers. It scrolls with the page, and has elements only for the rows in view, so that thousands of
 * transfers cost as much as a few.
 */
export class Table {
  readonly #table = byId('transfers');
  readonly #body = byId('rows');
  readonly #template = byId('row-template', HTMLTemplateElement);
  readonly #options: TableOptions;
  readonly #rows = new Map<string, Row>();
  #items: readonly TransferItem[] = [];
  #selected: string | null = null;
  #rowHeight = 0;

  constructor(options: TableOptions) {
    this.#options = options;
    const measure = () => {
      this.#rowHeight = Number.parseFloat(getComputedStyle(this.#table).getPropertyValue('--row-height'));
      this.draw();
    };
    addEventListener('scroll', () => this.draw(), { passive: true });
    addEventListener('resize', measure);
    this.#body.addEventListener('click', (event) => this.#click(event));
    this.#body.addEventListener('focusin', ({ target }) => {
      const id = target instanceof Element ? idOf(target) : null;
      if (id !== null) this.#select(id);
    });
    measure();
  }

  /** The transfer that `j` and `k` have chosen. */
  get selected(): string | null {
    return this.#selected;
  }

  /** Shows these items in this order. */
  show(items: readonly TransferItem[]): void {
    this.#items = items;
    this.#table.classList.toggle('many', items.length > MANY);
    this.draw();
  }

  /** Draws what is in view. */
  draw(): void {
    const items = this.#items;
    const height = this.#rowHeight;
    const total = `${items.length * height}px`;
    if (this.#body.style.height !== total) this.#body.style.height = total;
    setAttribute(this.#table, 'aria-rowcount', items.length + 1);
    if (this.#table.offsetParent === null) return;
    const top = this.#body.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(-top / height) - MARGIN_ROWS);
    const last = Math.min(items.length, Math.ceil((innerHeight - top) / height) + MARGIN_ROWS);
    const now = this.#options.now();
    const inView = items.slice(first, Math.max(first, last));
    const focused = document.activeElement;
    this.#removeOthers(inView);
    let before: Element | null = null;
    inView.forEach((item, i) => {
      const row = this.#rowOf(item.data.id);
      row.draw(item, first + i, (first + i) * height, now);
      row.element.classList.toggle('selected', item.data.id === this.#selected);
      // Screen readers and the tab key follow the order of the elements.
      const expected: Element | null =
        before === null ? this.#body.firstElementChild : before.nextElementSibling;
      if (expected !== row.element) this.#body.insertBefore(row.element, expected);
      before = row.element;
    });
    // An element that moves loses the focus.
    if (focused instanceof HTMLElement && focused !== document.activeElement && focused.isConnected)
      focused.focus({ preventScroll: true });
  }

  /** Moves the selection by so many rows, and the focus with it. */
  move(step: 1 | -1): void {
    const { length } = this.#items;
    if (length === 0) return;
    const current = this.#items.findIndex(({ data }) => data.id === this.#selected);
    const next =
      current === -1 ? (step === 1 ? 0 : length - 1) : Math.min(length - 1, Math.max(0, current + step));
    const id = this.#items[next]?.data.id;
    if (id === undefined) return;
    this.#select(id);
    this.#scrollTo(next);
    this.draw();
    this.#rows.get(id)?.button.focus({ preventScroll: true });
  }

  #scrollTo(index: number): void {
    const height = this.#rowHeight;
    const top = this.#body.getBoundingClientRect().top + index * height;
    const upper = headHeight();
    if (top < upper) scrollBy({ top: top - upper - 8, behavior: 'instant' });
    else if (top + height > innerHeight)
      scrollBy({ top: top + height - innerHeight + 8, behavior: 'instant' });
  }

  #select(id: string): void {
    if (this.#selected === id) return;
    if (this.#selected !== null) this.#rows.get(this.#selected)?.element.classList.remove('selected');
    this.#selected = id;
    this.#rows.get(id)?.element.classList.add('selected');
  }

  #rowOf(id: string): Row {
    let row = this.#rows.get(id);
    if (row === undefined) {
      row = new Row(this.#template, id);
      this.#rows.set(id, row);
    }
    return row;
  }

  #removeOthers(inView: readonly TransferItem[]): void {
    const kept = new Set(inView.map(({ data }) => data.id));
    for (const [id, row] of this.#rows) {
      if (kept.has(id)) continue;
      row.element.remove();
      this.#rows.delete(id);
    }
  }

  #click(event: MouseEvent): void {
    if (!(event.target instanceof Element)) return;
    const id = idOf(event.target);
    if (id === null) return;
    const part = event.target.closest<HTMLElement>('button')?.dataset['part'];
    if (part === 'abort-button') this.#options.onAbort(id);
    else if (part === 'limit-button') this.#options.onLimit(id);
    // A user who selects text does not want to open anything.
    else if (part === 'open' || getSelection()?.isCollapsed !== false) this.#options.onOpen(id);
  }
}

const idOf = (target: Element): string | null =>
  target.closest<HTMLElement>('[data-id]')?.dataset['id'] ?? null;

/** What covers the top of the page: the bar, and the head of the table. */
function headHeight(): number {
  const head = document.querySelector('.table-head')?.getBoundingClientRect().height ?? 0;
  return (document.querySelector('.bar')?.getBoundingClientRect().height ?? 0) + head;
}
