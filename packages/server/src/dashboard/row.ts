import { setAttribute, setText } from './dom.js';
import { formatRate } from './format.js';
import { drawProgress, timesHealed } from './progress-bar.js';
import type { TransferItem } from './store.js';
import { bytesText, percentText, rateText, serverText, stateOf } from './wording.js';

const PARTS = [
  'open',
  'name',
  'where',
  'bar',
  'bytes',
  'percent',
  'healed',
  'healed-text',
  'rate',
  'limit',
  'eta',
  'wait',
  'client',
  'identity',
  'server',
  'route',
  'limit-button',
  'abort-button',
] as const;

type Part = (typeof PARTS)[number];

/** A row of the table: one transfer, as long as it is in view. */
export class Row {
  readonly element: HTMLElement;
  readonly id: string;
  readonly #parts: Readonly<Record<Part, HTMLElement>>;

  constructor(template: HTMLTemplateElement, id: string) {
    const row = document.importNode(template.content, true).firstElementChild;
    if (!(row instanceof HTMLElement)) throw new Error('The template has no row');
    this.element = row;
    this.id = id;
    row.dataset['id'] = id;
    this.#parts = Object.fromEntries(
      PARTS.map((name) => [name, row.querySelector<HTMLElement>(`[data-part="${name}"]`)]),
    ) as Record<Part, HTMLElement>;
  }

  /** What `j`, `k` and the tab key lead to. */
  get button(): HTMLElement {
    return this.#parts.open;
  }

  /** Shows the item at a position of the list. */
  draw(item: TransferItem, index: number, top: number, now: number): void {
    const { data, end } = item;
    const parts = this.#parts;
    const { element } = this;
    setAttribute(element, 'aria-rowindex', index + 2);
    const transform = `translateY(${top}px)`;
    if (element.style.transform !== transform) element.style.transform = transform;
    const state = stateOf(item, now);
    setAttribute(element, 'data-tone', state.tone);
    element.classList.toggle('ended', end !== null);

    setText(parts.name, item.name);
    setText(parts.where, `${data.method} ${data.path}`);
    setAttribute(parts.where, 'title', data.path);
    setAttribute(parts.bar, 'aria-label', `Progress of ${item.name}`);
    drawProgress(parts.bar, data);
    const percent = percentText(data);
    setText(parts.bytes, bytesText(data));
    setText(parts.percent, percent === '' ? '' : ` · ${percent}`);
    parts.healed.hidden = data.resumes === 0;
    setText(parts['healed-text'], timesHealed(data.resumes));
    setText(parts.rate, rateText(item));
    setText(parts.limit, data.limit === null ? '' : `limit ${formatRate(data.limit)}`);
    setText(parts.eta, state.text);
    setText(parts.wait, state.since);
    setText(parts.client, data.client ?? '–');
    setText(parts.identity, data.identity ?? '');
    setText(parts.server, serverText(data.upstream));
    setText(parts.route, data.route === null ? '' : `route ${data.route}`);
    for (const [part, verb] of [
      ['limit-button', 'Limit the rate of'],
      ['abort-button', 'Abort'],
    ] as const) {
      const button = parts[part];
      setAttribute(button, 'aria-label', `${verb} ${item.name}`);
      setAttribute(button, 'title', part === 'abort-button' ? 'Abort' : 'Limit the rate');
      setAttribute(button, 'disabled', end !== null);
    }
  }
}
