import type { TotalsData } from '../dashboard/contract.js';
import type { StreamEvent } from '../dashboard/event-stream.js';
import { formatRate } from '../dashboard/format.js';
import { type Selection, select } from '../dashboard/select.js';
import { type TransferItem, TransferStore } from '../dashboard/store.js';
import type { Paint } from '../terminal/color.js';
import { type AdminClient, AdminError } from './admin-client.js';
import { orders } from './columns.js';
import type { Key } from './keys.js';
import { watchLive } from './live.js';
import { answerPrompt, type Prompt, readRate } from './prompt.js';
import { readDelta, readSnapshot, readTotals } from './read-events.js';
import { Terminal } from './terminal.js';
import { drawScreen, type Footer, rowsOf } from './view.js';

/** Least time between two frames. */
const FRAME_MS = 100;
/** Durations on the screen go on while nothing arrives. */
const TICK_MS = 1000;
const MESSAGE_MS = 4000;

const keysFooter: Footer = { kind: 'keys' };

export interface TopOptions {
  client: AdminClient;
  admin: string;
  selection: Selection;
  paint: Paint;
}

/** The live table of transfers in a terminal. */
export class Top {
  readonly #options: TopOptions;
  readonly #store = new TransferStore();
  readonly #terminal: Terminal;
  readonly #stop = new AbortController();
  #selection: Selection;
  #totals: TotalsData | null = null;
  #items: readonly TransferItem[] = [];
  /** The id of the selected transfer. It stays selected when the order changes. */
  #selectedId: string | null = null;
  #selected = 0;
  #first = 0;
  #isDetailed = false;
  #lost: string | null = 'connecting…';
  #prompt: Prompt | null = null;
  #message: Footer = keysFooter;
  #messageTimer: NodeJS.Timeout | undefined;
  #frameTimer: NodeJS.Timeout | null = null;
  #code = 0;

  constructor(options: TopOptions) {
    this.#options = options;
    this.#selection = options.selection;
    this.#terminal = new Terminal({
      onKey: (key) => this.#onKey(key),
      onResize: () => this.#draw(),
    });
  }

  /** Runs until the user quits or `end` is called. Resolves with the exit code. Rejects with an `AdminError`. */
  async run(): Promise<number> {
    this.#terminal.open();
    const ticking = setInterval(() => this.#scheduleDraw(), TICK_MS);
    this.#draw();
    try {
      await watchLive(
        this.#options.client,
        { onEvent: (event) => this.#onEvent(event), onLost: (reason) => this.#onLost(reason) },
        this.#stop.signal,
      );
    } finally {
      clearInterval(ticking);
      clearTimeout(this.#messageTimer);
      if (this.#frameTimer !== null) clearTimeout(this.#frameTimer);
      this.#terminal.close();
    }
    return this.#code;
  }

  end(code: number): void {
    this.#code = code;
    this.#stop.abort();
  }

  #onEvent({ type, data }: StreamEvent): void {
    let given: unknown;
    try {
      given = JSON.parse(data);
    } catch {
      return;
    }
    const now = performance.now();
    this.#lost = null;
    if (type === 'snapshot') this.#store.applySnapshot(readSnapshot(given), now);
    else if (type === 'delta') this.#store.applyDelta(readDelta(given), now);
    else if (type === 'totals') this.#totals = readTotals(given);
    this.#scheduleDraw();
  }

  #onLost(reason: string): void {
    this.#store.stop(performance.now());
    this.#lost = `connection lost: ${reason}; connecting again…`;
    this.#scheduleDraw();
  }

  #onKey(key: Key): void {
    if (key === 'interrupt') return this.end(130);
    if (key === 'suspend') return this.#terminal.suspend();
    if (key === 'redraw') this.#terminal.invalidate();
    else if (this.#prompt !== null) this.#onPromptKey(this.#prompt, key);
    else if (typeof key === 'object') this.#onChar(key.char);
    else this.#onMove(key);
    this.#draw();
  }

  #onPromptKey(prompt: Prompt, key: Key): void {
    this.#prompt = null;
    // An answer can ask another question.
    if (!answerPrompt(prompt, key)) this.#prompt ??= prompt;
  }

  #onMove(key: Exclude<Key, object>): void {
    const page = rowsOf(this.#terminal.height);
    const steps: Partial<Record<typeof key, number>> = {
      up: -1,
      down: 1,
      'page-up': -page,
      'page-down': page,
      home: Number.NEGATIVE_INFINITY,
      end: Number.POSITIVE_INFINITY,
    };
    const step = steps[key];
    if (step !== undefined) this.#selectAt(this.#selected + step);
    else if (key === 'enter') this.#isDetailed = !this.#isDetailed && this.#items.length > 0;
    else if (key === 'escape' && this.#isDetailed) this.#isDetailed = false;
    else if (key === 'escape') this.#selection = { ...this.#selection, search: '' };
  }

  #onChar(char: string): void {
    const actions: Readonly<Record<string, () => void>> = {
      q: () => this.end(0),
      j: () => this.#onMove('down'),
      k: () => this.#onMove('up'),
      '/': () => this.#askForFilter(),
      s: () => this.#sortByNext(),
      r: () => {
        const direction = this.#selection.direction === 'asc' ? 'desc' : 'asc';
        this.#selection = { ...this.#selection, direction };
      },
      a: () => this.#askToAbort(),
      l: () => this.#askForLimit(),
    };
    if (Object.hasOwn(actions, char)) actions[char]?.();
  }

  #selectAt(index: number): void {
    this.#selected = Math.max(0, Math.min(this.#items.length - 1, index));
    this.#selectedId = this.#items[this.#selected]?.data.id ?? null;
  }

  #sortByNext(): void {
    const all = Object.entries(orders);
    const at = all.findIndex(([, { sort }]) => sort === this.#selection.sort);
    const [name, order] = all[(at + 1) % all.length] ?? ['started', orders.started];
    this.#selection = { ...this.#selection, ...order };
    this.#say(`Sorted by ${name}.`, false);
  }

  #askForFilter(): void {
    const before = this.#selection;
    const apply = (search: string): void => {
      this.#selection = { ...before, search };
    };
    this.#prompt = {
      question: 'Filter:',
      input: before.search,
      isOneKey: false,
      onInput: apply,
      onAnswer: apply,
      onCancel: () => apply(before.search),
    };
  }

  #askToAbort(): void {
    const item = this.#chosen();
    if (item === null) return;
    const { id, client } = item.data;
    this.#prompt = {
      question: `Abort ${item.name} of ${client ?? 'an unknown client'}? The client sees that it breaks off. [y/N]`,
      input: '',
      isOneKey: true,
      onAnswer: (answer) => {
        if (answer.toLowerCase() !== 'y') return;
        void this.#post(
          id,
          'abort',
          { reason: 'aborted from sluiceway top' },
          () => `${item.name} was aborted.`,
        );
      },
    };
  }

  #askForLimit(): void {
    const item = this.#chosen();
    if (item === null) return;
    this.#prompt = {
      question: `Most bytes per second for ${item.name}, such as 500KiB or 5MiB, or off:`,
      input: '',
      isOneKey: false,
      onAnswer: (answer) => {
        if (answer.trim() === '') return;
        const rate = readRate(answer.trim());
        if (rate === undefined)
          return this.#say(`${answer.trim()} is not a size such as 500KiB, and not off`, true);
        void this.#post(item.data.id, 'limit', { rate }, () =>
          rate === null
            ? `${item.name} has no limit now.`
            : `${item.name} is limited to ${formatRate(rate)}.`,
        );
      },
    };
  }

  /** The selected transfer, if it still runs. */
  #chosen(): TransferItem | null {
    const item = this.#items[this.#selected];
    if (item !== undefined && item.end === null) return item;
    this.#say(item === undefined ? 'No transfer is selected' : `${item.name} has ended`, true);
    return null;
  }

  async #post(id: string, action: string, content: object, done: () => string): Promise<void> {
    try {
      await this.#options.client.post(`/api/transfers/${encodeURIComponent(id)}/${action}`, content);
      this.#say(done(), false);
    } catch (error) {
      if (!(error instanceof AdminError)) throw error;
      this.#say(error.message, true);
    }
    this.#draw();
  }

  #say(text: string, isError: boolean): void {
    this.#message = { kind: 'message', text, isError };
    clearTimeout(this.#messageTimer);
    this.#messageTimer = setTimeout(() => {
      this.#message = keysFooter;
      this.#scheduleDraw();
    }, MESSAGE_MS);
  }

  #scheduleDraw(): void {
    this.#frameTimer ??= setTimeout(() => this.#draw(), FRAME_MS);
  }

  #draw(): void {
    if (this.#frameTimer !== null) clearTimeout(this.#frameTimer);
    this.#frameTimer = null;
    const now = this.#store.timeOf(performance.now());
    this.#store.expire(now);
    this.#items = select(this.#store.items, this.#selection, now);
    const at = this.#items.findIndex(({ data }) => data.id === this.#selectedId);
    this.#selectAt(at >= 0 ? at : this.#selected);
    const { width, height } = this.#terminal;
    const rows = rowsOf(height);
    this.#first = Math.max(0, Math.min(this.#first, this.#selected, this.#items.length - 1));
    if (this.#selected >= this.#first + rows) this.#first = this.#selected - rows + 1;
    this.#terminal.show(
      drawScreen(
        {
          admin: this.#options.admin,
          lost: this.#lost,
          running: this.#store.running,
          totals: this.#totals,
          selection: this.#selection,
          items: this.#items,
          selected: this.#selected,
          first: this.#first,
          isDetailed: this.#isDetailed,
          footer: this.#prompt === null ? this.#message : { kind: 'prompt', ...this.#prompt },
        },
        width,
        height,
        this.#options.paint,
        now,
      ),
    );
  }
}
