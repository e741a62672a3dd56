import { byId } from './dom.js';

export const views = ['transfers', 'servers', 'failures', 'limits'] as const;
export type View = (typeof views)[number];

/** The tabs of the page (ARIA Authoring Practices, tabs). The view is also in the address, so that it survives a reload. */
export class Tabs {
  readonly #onChange: (view: View) => void;
  #view: View = 'transfers';

  constructor(onChange: (view: View) => void) {
    this.#onChange = onChange;
    for (const view of views) {
      const tab = byId(`tab-${view}`);
      tab.addEventListener('click', () => this.show(view));
      tab.addEventListener('keydown', ({ key }) => {
        const step = key === 'ArrowRight' ? 1 : key === 'ArrowLeft' ? -1 : 0;
        const offered = views.filter((each) => this.offers(each));
        const next = offered[(offered.indexOf(view) + step + offered.length) % offered.length];
        if (step === 0 || next === undefined) return;
        this.show(next);
        byId(`tab-${next}`).focus();
      });
    }
    addEventListener('hashchange', () => this.#readHash());
    this.#readHash();
  }

  get view(): View {
    return this.#view;
  }

  /** Whether the page has the tab of a view. */
  offers(view: View): boolean {
    return !byId(`tab-${view}`).hidden;
  }

  /** Shows or hides the tab of a view, as the server has something for it or not. */
  offer(view: View, isOffered: boolean): void {
    if (!isOffered && this.#view === view) this.show('transfers');
    if (this.offers(view) === isOffered) return;
    byId(`tab-${view}`).hidden = !isOffered;
    if (isOffered) reveal(this.#view);
  }

  show(view: View): void {
    if (!this.offers(view)) return;
    if (location.hash !== `#${view}`) history.replaceState(null, '', `#${view}`);
    this.#apply(view);
  }

  #readHash(): void {
    const view = views.find((each) => location.hash === `#${each}`);
    this.#apply(view ?? this.#view);
  }

  #apply(view: View): void {
    this.#view = view;
    for (const each of views) {
      const tab = byId(`tab-${each}`);
      const isCurrent = each === view;
      tab.setAttribute('aria-selected', String(isCurrent));
      tab.tabIndex = isCurrent ? 0 : -1;
      byId(`panel-${each}`).hidden = !isCurrent;
    }
    reveal(view);
    this.#onChange(view);
  }
}

/** Scrolls the tabs, which are wider than a phone. */
function reveal(view: View): void {
  const tab = byId(`tab-${view}`);
  const list = tab.parentElement;
  if (list !== null)
    list.scrollLeft = tab.offsetLeft - list.offsetLeft - (list.clientWidth - tab.offsetWidth) / 2;
}
