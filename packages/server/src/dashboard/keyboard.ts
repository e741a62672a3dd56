import { byId } from './dom.js';
import type { Tabs } from './tabs.js';
import { views } from './tabs.js';

export interface KeyboardEvents {
  onMove(step: 1 | -1): void;
  onOpen(): void;
  onAbort(): void;
  onLimit(): void;
  onSearchCleared(): void;
}

/** The keys that the help dialog names. They do nothing in fields and while a dialog is open. */
export function prepareKeyboard(tabs: Tabs, events: KeyboardEvents): void {
  addEventListener('keydown', (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]') !== null)
      return;
    const search = byId('search', HTMLInputElement);
    if (key === 'Escape') {
      if (search.value === '' && target !== search) return;
      search.value = '';
      events.onSearchCleared();
      if (target === search) search.blur();
      return;
    }
    if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) return;
    const act = actionOf(key, tabs, events);
    if (act === null) return;
    event.preventDefault();
    act();
  });
}

function actionOf(key: string, tabs: Tabs, events: KeyboardEvents): (() => void) | null {
  const view = views[Number(key) - 1];
  if (view !== undefined) return tabs.offers(view) ? () => tabs.show(view) : null;
  switch (key) {
    case '/':
      return () => {
        tabs.show('transfers');
        byId('search', HTMLInputElement).select();
      };
    case '?':
      return () => byId('help', HTMLDialogElement).showModal();
    case 'j':
      return () => events.onMove(1);
    case 'k':
      return () => events.onMove(-1);
    case 'a':
      return () => events.onAbort();
    case 'l':
      return () => events.onLimit();
    case 'Enter':
      // A button that has the focus does it by itself.
      return document.activeElement === document.body ? () => events.onOpen() : null;
    default:
      return null;
  }
}
