import type { Api } from './api.js';
import { ask } from './confirm.js';
import type { GroupData, ServerData, ServerState } from './contract.js';
import { byId, element, sparkline } from './dom.js';
import { countOf, formatAgo, formatBytes, formatCount, formatRate } from './format.js';
import { toast } from './notices.js';

const STATES: Readonly<Record<ServerState, string>> = {
  up: 'Up',
  down: 'Down',
  ejected: 'Ejected',
  draining: 'Draining',
};

/** Values of each line. */
const HISTORY = 60;

/** The servers of all groups, with their health and throughput. */
export class ServersView {
  readonly #api: Api;
  /** The rates of each server while the page watched. */
  readonly #rates = new Map<string, number[]>();
  readonly #onChange: () => void;

  /** `onChange` is called after something was changed here. */
  constructor(api: Api, onChange: () => void) {
    this.#api = api;
    this.#onChange = onChange;
  }

  draw(groups: readonly GroupData[]): void {
    const unwell = groups
      .flatMap(({ servers }) => servers)
      .filter(({ state }) => state === 'down' || state === 'ejected');
    const badge = byId('badge-servers');
    const all = groups.reduce((sum, { servers }) => sum + servers.length, 0);
    badge.hidden = all === 0;
    badge.classList.toggle('bad', unwell.length > 0);
    badge.textContent = unwell.length > 0 ? `${unwell.length} down` : String(all);
    this.#remember(groups);
    const target = byId('server-groups');
    const focused = document.activeElement?.id ?? '';
    target.replaceChildren(
      ...(groups.length === 0 ? [emptyServers()] : groups.map((group) => this.#group(group))),
    );
    if (focused.startsWith('server-')) document.getElementById(focused)?.focus();
  }

  #group(group: GroupData): HTMLElement {
    const name = nameOf(group);
    return element(
      'section',
      { class: 'group' },
      element('h2', {}, name, element('span', { class: 'quiet' }, countOf(group.servers.length, 'server'))),
      element('div', { class: 'server-grid' }, ...group.servers.map((server) => this.#server(name, server))),
    );
  }

  #server(group: string, server: ServerData): HTMLElement {
    const { name, url, state, since, transfers, rate, bytes, weight, backup, lastFailure } = server;
    const isDraining = state === 'draining';
    const button = element(
      'button',
      { class: 'button small', type: 'button', id: `server-${group}-${name}` },
      isDraining ? 'Use again' : 'Drain',
    );
    button.addEventListener('click', () => this.#ask(group, server));
    return element(
      'article',
      { class: 'card server', 'data-state': state },
      element(
        'header',
        {},
        element('h3', {}, name),
        element(
          'p',
          { class: 'server-state' },
          element('span', { class: 'dot' }),
          STATES[state],
          since === null
            ? null
            : element('span', { class: 'quiet' }, ` ${formatAgo(since, Date.now()).replace(' ago', '')}`),
        ),
      ),
      // Without a name of its own, a server has that of its host.
      url === `http://${name}` ? null : element('p', { class: 'path' }, url),
      sparkline(this.#rates.get(`${group} ${name}`) ?? [], HISTORY),
      element(
        'dl',
        { class: 'server-facts' },
        fact('Throughput', rate === null ? '–' : formatRate(rate)),
        fact('Transfers', formatCount(transfers)),
        fact('Total', formatBytes(bytes)),
        fact(backup ? 'Backup' : 'Weight', String(weight)),
      ),
      lastFailure === null ? null : element('p', { class: 'last-failure' }, lastFailure),
      element('footer', {}, button),
    );
  }

  #ask(group: string, { name, state, transfers }: ServerData): void {
    const path = `/api/servers/${encodeURIComponent(group)}/${encodeURIComponent(name)}`;
    const isDraining = state === 'draining';
    ask({
      title: isDraining ? `Use ${name} again?` : `Drain ${name}?`,
      text: isDraining
        ? 'It gets new requests again, as its health allows.'
        : `It gets no new requests. ${countOf(transfers, 'transfer')} of it can move to another server that has the same file, or run to the end.`,
      yes: isDraining ? 'Use again' : 'Drain',
      ...(isDraining ? {} : { check: 'Move running downloads to other servers' }),
      act: async ({ isChecked }) => {
        await this.#api.post(
          `${path}/${isDraining ? 'undrain' : 'drain'}`,
          isDraining ? {} : { move: isChecked },
        );
        toast(isDraining ? `${name} is used again.` : `${name} is drained.`);
        this.#onChange();
      },
    });
  }

  #remember(groups: readonly GroupData[]): void {
    for (const group of groups)
      for (const { name, rate } of group.servers) {
        const key = `${nameOf(group)} ${name}`;
        const rates = this.#rates.get(key) ?? [];
        rates.push(rate ?? 0);
        if (rates.length > HISTORY) rates.shift();
        this.#rates.set(key, rates);
      }
  }
}

const nameOf = ({ name, route }: GroupData): string => name ?? route ?? 'servers';

const fact = (name: string, value: string): HTMLElement =>
  element('div', {}, element('dt', {}, name), element('dd', {}, value));

const emptyServers = (): HTMLElement =>
  element(
    'div',
    { class: 'empty card' },
    element('h2', {}, 'No groups of servers'),
    element(
      'p',
      {},
      'An upstream that is a group of servers appears here, with the health and throughput of each server. A single URL is no group.',
    ),
  );
