import { ApiError } from './api.js';
import { byId, element, setText } from './dom.js';
import { formatRate } from './format.js';

export interface Question {
  title: string;
  text: string;
  /** What the button that goes ahead says. */
  yes: string;
  isDangerous?: boolean;
  /** Offers rates to choose from. The present one is chosen at first. */
  rate?: { current: number | null };
  /** Offers a box to tick. */
  check?: string;
  /** Called with what was chosen. The dialog stays open while it runs, and shows its error. */
  act(chosen: { rate: number | null; isChecked: boolean }): Promise<void>;
}

const MIB = 2 ** 20;
const RATES: readonly (number | null)[] = [null, 0.5 * MIB, MIB, 5 * MIB, 20 * MIB];

const dialog = (): HTMLDialogElement => byId('confirm', HTMLDialogElement);
let current: Question | null = null;

/** Asks before something changes. */
export function ask(question: Question): void {
  current = question;
  setText(byId('confirm-title'), question.title);
  setText(byId('confirm-text'), question.text);
  const yes = byId('confirm-yes', HTMLButtonElement);
  setText(yes, question.yes);
  yes.disabled = false;
  yes.className = `button ${question.isDangerous === true ? 'danger solid' : 'primary'}`;
  showError(null);
  const rates = byId('confirm-rates');
  rates.hidden = question.rate === undefined;
  if (question.rate !== undefined) offerRates(rates, question.rate.current);
  else byId('confirm-custom').hidden = true;
  const check = byId('confirm-check');
  check.hidden = question.check === undefined;
  byId('confirm-move', HTMLInputElement).checked = true;
  setText(check.querySelector('span') ?? check, question.check ?? '');
  dialog().showModal();
  // The safe answer is the one that Enter gives at once.
  if (question.rate === undefined) byId('confirm-no').focus();
}

/** Connects the dialog of the page. Called once. */
export function prepareQuestions(): void {
  byId('confirm-no').addEventListener('click', () => dialog().close());
  byId('confirm-rates').addEventListener('change', () => {
    byId('confirm-custom').hidden = chosenRate() !== 'custom';
    if (chosenRate() === 'custom') byId('confirm-rate').focus();
  });
  dialog()
    .querySelector('form')
    ?.addEventListener('submit', (event) => {
      event.preventDefault();
      void goAhead();
    });
}

async function goAhead(): Promise<void> {
  const question = current;
  if (question === null) return;
  const rate = readRate(question);
  if (rate === undefined) return showError('Enter a rate above 0.');
  const yes = byId('confirm-yes', HTMLButtonElement);
  yes.disabled = true;
  showError(null);
  try {
    await question.act({ rate, isChecked: byId('confirm-move', HTMLInputElement).checked });
    if (current === question) dialog().close();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (current === question) showError(error.message);
  } finally {
    if (current === question) yes.disabled = false;
  }
}

function offerRates(target: HTMLElement, rate: number | null): void {
  const isCustom = !RATES.includes(rate);
  const options = [
    ...RATES.map((each) => ({ value: String(each), text: each === null ? 'No limit' : formatRate(each) })),
    { value: 'custom', text: 'Other' },
  ];
  const chosen = isCustom ? 'custom' : String(rate);
  target.replaceChildren(
    element('legend', { class: 'sr-only' }, 'Most bytes per second'),
    ...options.map(({ value, text }) =>
      element(
        'label',
        {},
        element('input', { type: 'radio', name: 'rate', value, checked: value === chosen }),
        element('span', {}, text),
      ),
    ),
  );
  byId('confirm-custom').hidden = !isCustom;
  byId('confirm-rate', HTMLInputElement).value = rate === null ? '' : String(Number((rate / MIB).toFixed(2)));
}

const chosenRate = (): string =>
  document.querySelector<HTMLInputElement>('#confirm-rates input:checked')?.value ?? 'null';

/** Undefined if what was entered is no rate. */
function readRate({ rate }: Question): number | null | undefined {
  if (rate === undefined) return null;
  const chosen = chosenRate();
  if (chosen === 'null') return null;
  if (chosen !== 'custom') return Number(chosen);
  const bytes = Math.round(Number(byId('confirm-rate', HTMLInputElement).value) * MIB);
  return Number.isFinite(bytes) && bytes > 0 ? bytes : undefined;
}

function showError(message: string | null): void {
  const target = byId('confirm-error');
  target.hidden = message === null;
  setText(target, message ?? '');
}
