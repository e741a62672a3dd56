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
  /** Offers one of these to choose. */
  choice?: { legend: string; options: readonly Option[]; chosen: string };
  /** Asks for a text. */
  input?: { label: string };
  /** Offers a box to tick. */
  check?: string;
  /** Called with what was chosen. The dialog stays open while it runs, and shows its error. */
  act(chosen: Chosen): Promise<void>;
}

interface Option {
  value: string;
  text: string;
}

interface Chosen {
  rate: number | null;
  /** The value of the chosen option; empty without options. */
  choice: string;
  /** Without the spaces around it. */
  input: string;
  isChecked: boolean;
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
  const options = byId('confirm-options');
  options.hidden = question.rate === undefined && question.choice === undefined;
  byId('confirm-custom').hidden = true;
  if (question.rate !== undefined) offerRates(options, question.rate.current);
  if (question.choice !== undefined) offer(options, question.choice);
  const field = byId('confirm-field');
  field.hidden = question.input === undefined;
  setText(field.querySelector('span') ?? field, question.input?.label ?? '');
  const input = byId('confirm-input', HTMLInputElement);
  input.value = '';
  input.disabled = question.input === undefined;
  const check = byId('confirm-check');
  check.hidden = question.check === undefined;
  byId('confirm-move', HTMLInputElement).checked = true;
  setText(check.querySelector('span') ?? check, question.check ?? '');
  dialog().showModal();
  // The safe answer is the one that Enter gives at once.
  if (question.input !== undefined) input.focus();
  else if (question.rate === undefined) byId('confirm-no').focus();
}

/** Connects the dialog of the page. Called once. */
export function prepareQuestions(): void {
  byId('confirm-no').addEventListener('click', () => dialog().close());
  byId('confirm-options').addEventListener('change', () => {
    byId('confirm-custom').hidden = chosenOption() !== 'custom';
    if (chosenOption() === 'custom') byId('confirm-rate').focus();
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
  const input = byId('confirm-input', HTMLInputElement).value.trim();
  if (question.input !== undefined && input === '') return showError('Enter what this is about.');
  const yes = byId('confirm-yes', HTMLButtonElement);
  yes.disabled = true;
  showError(null);
  try {
    await question.act({
      rate,
      choice: chosenOption(),
      input,
      isChecked: byId('confirm-move', HTMLInputElement).checked,
    });
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
  offer(target, { legend: 'Most bytes per second', options, chosen });
  byId('confirm-custom').hidden = !isCustom;
  byId('confirm-rate', HTMLInputElement).value = rate === null ? '' : String(Number((rate / MIB).toFixed(2)));
}

function offer(target: HTMLElement, { legend, options, chosen }: NonNullable<Question['choice']>): void {
  target.replaceChildren(
    element('legend', { class: 'sr-only' }, legend),
    ...options.map(({ value, text }) =>
      element(
        'label',
        {},
        element('input', { type: 'radio', name: 'option', value, checked: value === chosen }),
        element('span', {}, text),
      ),
    ),
  );
}

/** Empty if the question offers nothing. */
const chosenOption = (): string =>
  document.querySelector<HTMLInputElement>('#confirm-options:not([hidden]) input:checked')?.value ?? '';

/** Undefined if what was entered is no rate. */
function readRate({ rate }: Question): number | null | undefined {
  if (rate === undefined) return null;
  const chosen = chosenOption();
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
