import type { FailureData, FailureExample } from './contract.js';
import { byId, element, icon } from './dom.js';
import { fileNameOf, formatAgo, formatCount } from './format.js';

const SOURCES: Readonly<Record<string, string>> = {
  downstream: 'client',
  upstream: 'origin server',
  policy: 'rules and limits',
  internal: 'proxy',
};

/** Recent failures, grouped by their reasons. */
export class FailuresView {
  /** Reasons whose examples are open. */
  readonly #open = new Set<string>();
  #drawn = '';

  draw(failures: readonly FailureData[]): void {
    const badge = byId('badge-failures');
    const count = failures.reduce((sum, failure) => sum + failure.count, 0);
    badge.hidden = count === 0;
    badge.textContent = formatCount(count);
    const target = byId('failure-groups');
    // Drawing again while nothing has changed would take the focus and the selection.
    const state = JSON.stringify(failures.map(({ code, count: each, lastAt }) => [code, each, lastAt]));
    if (state === this.#drawn) return this.#tick(target);
    this.#drawn = state;
    const focused = document.activeElement?.closest('details')?.dataset['code'];
    // What a client causes is rarely what an operator looks for.
    const sorted = failures.toSorted(
      (a, b) => Number(a.source === 'downstream') - Number(b.source === 'downstream') || b.count - a.count,
    );
    target.replaceChildren(
      ...(sorted.length === 0 ? [noFailures()] : sorted.map((failure) => this.#group(failure))),
    );
    if (focused !== undefined)
      target.querySelector<HTMLElement>(`details[data-code="${CSS.escape(focused)}"] summary`)?.focus();
  }

  #group({ code, source, count, lastAt, message, docs, examples }: FailureData): HTMLElement {
    const details = element(
      'details',
      { class: 'card failure', 'data-code': code, 'data-source': source, open: this.#open.has(code) },
      element(
        'summary',
        {},
        element('span', { class: 'failure-count' }, formatCount(count)),
        element(
          'span',
          { class: 'failure-text' },
          element('strong', {}, message),
          element(
            'span',
            { class: 'sub' },
            element('code', {}, code),
            ` · caused by the ${SOURCES[source] ?? source} · `,
            element('time', { datetime: lastAt }, formatAgo(lastAt, Date.now())),
          ),
        ),
      ),
      element('ul', { class: 'examples' }, ...examples.map(exampleOf)),
      docs === null
        ? null
        : element(
            'p',
            { class: 'failure-docs' },
            element(
              'a',
              { href: `/${docs.replace(/#.*/, '')}#${code}`, target: '_blank', rel: 'noreferrer' },
              `What ${code} means`,
              element('span', { class: 'sr-only' }, ' (opens a new tab)'),
            ),
          ),
    );
    details.addEventListener('toggle', () => {
      if (details.open) this.#open.add(code);
      else this.#open.delete(code);
    });
    return details;
  }

  #tick(target: HTMLElement): void {
    for (const time of target.querySelectorAll('time'))
      time.textContent = formatAgo(time.dateTime, Date.now());
  }
}

const exampleOf = ({
  time,
  route,
  client,
  method,
  path,
  upstream,
  errorMessage,
}: FailureExample): HTMLElement =>
  element(
    'li',
    {},
    element(
      'p',
      { class: 'example-head' },
      element('strong', { title: path }, fileNameOf(path)),
      element('time', { datetime: time }, formatAgo(time, Date.now())),
    ),
    element(
      'p',
      { class: 'sub' },
      [
        `${method} ${path}`,
        client === null ? '' : `from ${client}`,
        upstream === null ? '' : `to ${upstream}`,
        route === null ? '' : `route ${route}`,
      ]
        .filter((part) => part !== '')
        .join(' · '),
    ),
    errorMessage === null ? null : element('p', { class: 'example-error' }, errorMessage),
  );

function noFailures(): HTMLElement {
  const mark = icon('check');
  mark.setAttribute('class', 'empty-icon');
  return element(
    'div',
    { class: 'empty card' },
    mark,
    element('h2', {}, 'No failures'),
    element(
      'p',
      {},
      'Transfers that fail are grouped here by their reasons, with what each reason means. A break that was healed is no failure: a mark on the bar shows it.',
    ),
  );
}
