import type { Api } from './api.js';
import type { BlockData, LimitUseData, RuleData } from './contract.js';
import { byId, element } from './dom.js';
import { countOf, formatCount } from './format.js';
import { askToBlock, askToRevoke, askToUnblock } from './limit-actions.js';
import { blockText, describeBy, describeLimits, keyText, type Use, usesOf } from './limit-wording.js';

/** Most keys of a rule that are shown. */
const TOP = 10;
/** Most keys that the server lists. */
const MOST = 200;
/** Most blocks that are shown. */
const MAX_BLOCKS = 200;

/** The rules of limits, the keys with the most use, and the blocked keys. */
export class LimitsView {
  readonly #api: Api;
  readonly #onChange: () => void;
  #uses: readonly LimitUseData[] = [];

  /** `onChange` is called after something was changed here. */
  constructor(api: Api, onChange: () => void) {
    this.#api = api;
    this.#onChange = onChange;
    byId('revoke-link').addEventListener('click', () => askToRevoke(api, null));
  }

  /** Returns whether the server has limits or links. What keys use is asked for only while it is shown. */
  async load(isShown: boolean): Promise<boolean> {
    const [{ rules }, { gateways }] = await Promise.all([
      this.#api.get<{ rules: RuleData[] }>('/api/limits/rules'),
      this.#api.get<{ gateways: string[] }>('/api/links'),
    ]);
    byId('limits-links').hidden = gateways.length === 0;
    const blocks = rules.length === 0 ? [] : await this.#blocks();
    if (isShown && rules.length > 0)
      this.#uses = (await this.#api.get<{ limits: LimitUseData[] }>(`/api/limits?top=${MOST}`)).limits;
    const badge = byId('badge-limits');
    badge.hidden = blocks.length === 0;
    badge.textContent = `${formatCount(blocks.length)} blocked`;
    if (isShown) this.#draw(rules, blocks);
    return rules.length > 0 || gateways.length > 0;
  }

  /** A block holds on each route that has the rule, and is shown once. */
  async #blocks(): Promise<BlockData[]> {
    const { blocks } = await this.#api.get<{ blocks: BlockData[] }>('/api/limits/blocks');
    return [...new Map(blocks.map((block) => [JSON.stringify([block.rule, block.key]), block])).values()];
  }

  #draw(rules: readonly RuleData[], blocks: readonly BlockData[]): void {
    const focused = document.activeElement?.id ?? '';
    byId('limits-blocked').hidden = blocks.length === 0;
    byId('limits-blocks').replaceChildren(
      ...blocks.slice(0, MAX_BLOCKS).map((block) => this.#block(block, rules)),
    );
    byId('limits-rules').replaceChildren(...rules.map((rule) => this.#rule(rule)));
    if (focused.startsWith('limit-')) document.getElementById(focused)?.focus();
  }

  #rule(rule: RuleData): HTMLElement {
    const { route, name, active, keys } = rule;
    const uses = this.#uses.filter((use) => use.route === route && use.rule === name);
    const shown = uses.slice(0, TOP);
    const more = keys - shown.length;
    const block = button(`limit-rule ${route} ${name}`, 'Block a key', () =>
      askToBlock(this.#api, { rule: name, key: null, transfers: 0 }, this.#onChange),
    );
    block.setAttribute('aria-label', `Block a key of ${name} on ${route}`);
    return element(
      'section',
      { class: 'card limit-rule', 'aria-label': `Rule ${name} on ${route}` },
      element(
        'header',
        {},
        element(
          'div',
          {},
          element('h2', {}, name, element('span', { class: 'quiet' }, ` route ${route}`)),
          element(
            'ul',
            { class: 'limit-chips' },
            ...describeLimits(rule).map((text) => element('li', {}, text)),
            element('li', { class: 'plain' }, describeBy(rule)),
            active ? null : element('li', { class: 'inactive' }, 'not at this time of day'),
          ),
        ),
        block,
      ),
      shown.length === 0
        ? element('p', { class: 'limit-none' }, 'Nothing uses this rule right now.')
        : element('ul', { class: 'limit-keys' }, ...shown.map((use) => this.#key(use, rule))),
      more > 0
        ? element('p', { class: 'limit-more quiet' }, `and ${countOf(more, 'key')} with less traffic`)
        : null,
    );
  }

  #key(use: LimitUseData, rule: RuleData): HTMLElement {
    const { route, key, transfers, waiting, blockedUntil } = use;
    const isBlocked = blockedUntil !== null;
    const change = button(`limit-key ${route} ${rule.name} ${key}`, isBlocked ? 'Unblock' : 'Block', () =>
      isBlocked
        ? askToUnblock(this.#api, { rule: rule.name, key }, this.#onChange)
        : askToBlock(this.#api, { rule: rule.name, key, transfers }, this.#onChange),
    );
    if (!isBlocked) change.classList.add('danger');
    change.setAttribute('aria-label', `${isBlocked ? 'Unblock' : 'Block'} ${key}`);
    return element(
      'li',
      { class: 'limit-key' },
      element(
        'div',
        { class: 'limit-name' },
        element('strong', {}, keyText(key, rule)),
        isBlocked
          ? element('span', { class: 'limit-state' }, `Blocked ${blockText(blockedUntil, Date.now())}`)
          : null,
        waiting === 0
          ? null
          : element('span', { class: 'quiet' }, `${countOf(waiting, 'request')} in the queue`),
      ),
      element('div', { class: 'limit-uses' }, ...usesOf(use, rule).map((each) => meter(each, key))),
      change,
    );
  }

  #block({ rule, key, until }: BlockData, rules: readonly RuleData[]): HTMLElement {
    const routes = rules.filter(({ name }) => name === rule).map(({ route }) => route);
    const end = button(`limit-block ${rule} ${key}`, 'Unblock', () =>
      askToUnblock(this.#api, { rule, key }, this.#onChange),
    );
    end.setAttribute('aria-label', `Unblock ${key}`);
    return element(
      'li',
      {},
      element(
        'strong',
        {},
        keyText(
          key,
          rules.find(({ name }) => name === rule),
        ),
      ),
      element('span', { class: 'limit-state' }, blockText(until, Date.now())),
      element('span', { class: 'quiet' }, `${rule} on ${routes.join(', ')}`),
      end,
    );
  }
}

function button(id: string, text: string, act: () => void): HTMLButtonElement {
  const created = element('button', { class: 'button small', type: 'button', id }, text);
  created.addEventListener('click', act);
  return created;
}

function meter({ name, text, fraction }: Use, key: string): HTMLElement {
  const label = element(
    'p',
    {},
    element('span', { class: 'quiet' }, name),
    element('span', { class: 'number' }, text),
  );
  if (fraction === null) return element('div', { class: 'use' }, label);
  const percent = Math.round(fraction * 100);
  const fill = element('i');
  fill.style.width = `${percent}%`;
  return element(
    'div',
    { class: 'use' },
    label,
    element(
      'div',
      {
        class: 'meter',
        role: 'meter',
        'aria-label': `${name} of ${key}`,
        'aria-valuemin': 0,
        'aria-valuemax': 100,
        'aria-valuenow': percent,
        'aria-valuetext': text,
        'data-level': fraction >= 0.9 ? 'high' : 'normal',
      },
      fill,
    ),
  );
}
