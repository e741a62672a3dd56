import { byId, element, setAttribute } from './dom.js';
import { everything, type Selection, type SortKey } from './select.js';
import type { TransferItem } from './store.js';

/** The search, the filters and the order of the table. */
export class Filters {
  readonly #search = byId('search', HTMLInputElement);
  readonly #state = byId('filter-state', HTMLSelectElement);
  readonly #route = byId('filter-route', HTMLSelectElement);
  readonly #sort = byId('sort', HTMLSelectElement);
  readonly #onChange: () => void;
  #routes = '';

  constructor(onChange: () => void) {
    this.#onChange = onChange;
    const form = byId('filters', HTMLFormElement);
    form.addEventListener('submit', (event) => event.preventDefault());
    form.addEventListener('input', () => this.changed());
    for (const header of this.#headers())
      header
        .querySelector('button')
        ?.addEventListener('click', () => this.#sortBy(header.dataset['sort'] ?? ''));
    byId('clear-filters').addEventListener('click', () => this.clear());
    this.#showOrder();
  }

  get selection(): Selection {
    const [sort, direction] = this.#sort.value.split(':') as [SortKey, 'asc' | 'desc'];
    return {
      search: this.#search.value,
      state: this.#state.value,
      route: this.#route.value,
      sort,
      direction,
    };
  }

  clear(): void {
    this.#search.value = everything.search;
    this.#state.value = everything.state;
    this.#route.value = everything.route;
    this.changed();
  }

  changed(): void {
    this.#showOrder();
    this.#onChange();
  }

  /** Offers the routes of these items. The chosen one stays. */
  offerRoutes(items: Iterable<TransferItem>): void {
    const names = new Set<string>();
    if (this.#route.value !== '') names.add(this.#route.value);
    for (const { data } of items) if (data.route !== null) names.add(data.route);
    const sorted = [...names].toSorted();
    const key = sorted.join('\n');
    if (key === this.#routes) return;
    this.#routes = key;
    const chosen = this.#route.value;
    this.#route.replaceChildren(
      element('option', { value: '' }, 'all'),
      ...sorted.map((name) => element('option', { value: name }, name)),
    );
    this.#route.value = chosen;
  }

  /** A second click on a column turns its order around, and a third one shows the newest first again. */
  #sortBy(order: string): void {
    const [key = '', direction] = order.split(':');
    const other = `${key}:${direction === 'asc' ? 'desc' : 'asc'}`;
    const current = this.#sort.value;
    const next = current === order ? other : current === other ? 'startedAt:desc' : order;
    if (!Array.from(this.#sort.options, ({ value }) => value).includes(next))
      this.#sort.append(element('option', { value: next }, nameOf(next)));
    this.#sort.value = next;
    this.changed();
  }

  #showOrder(): void {
    const { sort, direction } = this.selection;
    for (const header of this.#headers()) {
      const isCurrent = header.dataset['sort']?.startsWith(`${sort}:`) === true;
      setAttribute(
        header,
        'aria-sort',
        isCurrent ? (direction === 'asc' ? 'ascending' : 'descending') : 'none',
      );
    }
  }

  #headers(): HTMLElement[] {
    return [...document.querySelectorAll<HTMLElement>('.table-head [data-sort]')];
  }
}

const NAMES: Readonly<Record<string, string>> = {
  'name:desc': 'file, Z first',
  'progress:asc': 'least progress',
  'etaMs:desc': 'most time left',
  'client:desc': 'client, last first',
  'upstream:desc': 'server, last first',
};

const nameOf = (order: string): string => NAMES[order] ?? order;
