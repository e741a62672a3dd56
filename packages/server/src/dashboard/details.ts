import { byId, element, setAttribute, setText } from './dom.js';
import { formatBytes, formatDuration, formatRate } from './format.js';
import { drawProgress } from './progress-bar.js';
import { advance, isUpload, type TransferItem } from './store.js';
import { bytesText, percentText, rateText, stateOf } from './wording.js';

/** The sheet that shows everything about one transfer, and follows it. */
export class Details {
  readonly #dialog = byId('details', HTMLDialogElement);
  readonly #facts = new Map<string, HTMLElement>();
  #id: string | null = null;
  #link: string | null = null;

  readonly #now: () => number;

  constructor(events: {
    /** The time up to which transfers are known, in milliseconds of `performance.now()`. */
    now(): number;
    onAbort(id: string): void;
    onLimit(id: string): void;
    onRevoke(link: string): void;
  }) {
    this.#now = events.now;
    for (const [button, act] of [
      ['details-abort', events.onAbort],
      ['details-limit', events.onLimit],
    ] as const)
      byId(button).addEventListener('click', () => {
        if (this.#id !== null) act(this.#id);
      });
    byId('details-revoke').addEventListener('click', () => {
      if (this.#link !== null) events.onRevoke(this.#link);
    });
    this.#dialog.addEventListener('close', () => {
      this.#id = null;
    });
  }

  /** The transfer that is shown; null if the sheet is closed. */
  get id(): string | null {
    return this.#id;
  }

  open(item: TransferItem): void {
    this.#id = item.data.id;
    this.draw(item);
    this.#dialog.showModal();
    byId('details-name').focus();
  }

  /** Undefined if the transfer has ended and left the page: the last state stays. */
  draw(item: TransferItem | undefined): void {
    if (item === undefined) return;
    const now = this.#now();
    const data = advance(item, now);
    const state = stateOf(item, now);
    setText(byId('details-kind'), isUpload(data) ? 'Upload' : 'Download');
    setText(byId('details-name'), item.name);
    setText(byId('details-path'), `${data.method} ${data.path}`);
    setText(byId('details-percent'), percentText(data) || formatBytes(data.bytesDown));
    setText(byId('details-bytes'), bytesText(data));
    drawProgress(byId('details-bar'), data);
    setText(byId('details-state'), state.tone === 'calm' ? state.since : `${state.text} ${state.since}`);
    setAttribute(byId('details-state'), 'data-tone', state.tone);
    setAttribute(byId('details-abort'), 'disabled', item.end !== null);
    setAttribute(byId('details-limit'), 'disabled', item.end !== null);
    // A server of another version sends none.
    this.#link = data.link ?? null;
    byId('details-revoke').hidden = this.#link === null;
    this.#drawFacts(item, now);
    const { resumedAt } = data;
    byId('details-healed').hidden = resumedAt.length === 0;
    const list = byId('details-healed-list');
    if (list.children.length !== resumedAt.length)
      list.replaceChildren(
        ...resumedAt.map((offset) =>
          element(
            'li',
            {},
            `Broke off at ${formatBytes(offset)}`,
            element('span', {}, ` byte ${offset.toLocaleString('en')}`),
          ),
        ),
      );
  }

  #drawFacts(item: TransferItem, now: number): void {
    const data = advance(item, now);
    const { end } = item;
    const facts: [string, string | null][] = [
      ['Rate', rateText(item)],
      ['Time left', data.etaMs === null || end !== null ? '–' : formatDuration(data.etaMs)],
      ['Running for', formatDuration(data.durationMs)],
      ['Limit', data.limit === null ? 'none' : formatRate(data.limit)],
      ['Client', data.client],
      ['Identity', data.identity],
      ['Route', data.route],
      ['Link', data.link ?? null],
      ['Server', data.upstream],
      ['Address', data.upstreamAddress],
      ['Status', data.status === null ? null : String(data.status)],
      ['Protocol', data.httpVersion === null ? null : `HTTP/${data.httpVersion}`],
      ['Attempts', data.attempts > 1 ? String(data.attempts) : null],
      ['Zero copy', data.zeroCopy ? 'yes' : 'no'],
      ['Worker', data.worker === null || data.worker === undefined ? null : String(data.worker)],
      ['Started', new Date(data.startedAt).toLocaleTimeString()],
      ['Request', data.requestId],
      ['Error', end?.errorMessage ?? end?.error ?? null],
    ];
    const list = byId('details-facts');
    for (const [name, value] of facts) {
      let target = this.#facts.get(name);
      if (target === undefined) {
        target = element('dd');
        list.append(element('div', {}, element('dt', {}, name), target));
        this.#facts.set(name, target);
      }
      setText(target, value ?? '');
      if (target.parentElement !== null) target.parentElement.hidden = value === null;
    }
  }
}
