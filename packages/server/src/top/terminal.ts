import { type Key, readKeys } from './keys.js';

const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';
/** Terminals that know it show a frame only when it is complete. Others ignore it. */
const BEGIN_FRAME = '\x1b[?2026h';
const END_FRAME = '\x1b[?2026l';

export interface TerminalEvents {
  onKey(key: Key): void;
  onResize(): void;
}

/** The whole screen of a terminal, and its keyboard. The screen as it was comes back when the program ends. */
export class Terminal {
  readonly #input = process.stdin;
  readonly #output = process.stdout;
  readonly #events: TerminalEvents;
  /** The lines that are on the screen. Empty: unknown. */
  #shown: readonly string[] = [];
  #isOpen = false;
  readonly #onData = (text: string): void => {
    for (const key of readKeys(text)) this.#events.onKey(key);
  };
  readonly #onResize = (): void => {
    this.#shown = [];
    this.#events.onResize();
  };
  readonly #onExit = (): void => this.close();

  constructor(events: TerminalEvents) {
    this.#events = events;
  }

  get width(): number {
    return Math.max(1, this.#output.columns);
  }

  get height(): number {
    return Math.max(1, this.#output.rows);
  }

  open(): void {
    this.#isOpen = true;
    this.#shown = [];
    this.#output.write(ENTER);
    this.#input.setRawMode(true);
    this.#input.setEncoding('utf8').on('data', this.#onData).resume();
    this.#output.on('resize', this.#onResize);
    process.on('exit', this.#onExit);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#input.off('data', this.#onData).pause();
    this.#input.setRawMode(false);
    this.#output.off('resize', this.#onResize);
    process.off('exit', this.#onExit);
    this.#output.write(LEAVE);
  }

  /** Stops the process as the shell expects it, and opens the screen again when it continues. */
  suspend(): void {
    this.close();
    process.once('SIGCONT', () => {
      this.open();
      this.#events.onResize();
    });
    process.kill(process.pid, 'SIGSTOP');
  }

  /** Forgets what is on the screen, so that the next `show` draws all of it. */
  invalidate(): void {
    this.#shown = [];
  }

  /** Shows lines, each no wider than the screen. Writes only those that have changed. */
  show(lines: readonly string[]): void {
    if (!this.#isOpen) return;
    const isNew = this.#shown.length !== lines.length;
    let frame = isNew ? '\x1b[2J' : '';
    for (const [i, line] of lines.entries())
      if (isNew || line !== this.#shown[i]) frame += `\x1b[${i + 1};1H${line}\x1b[K`;
    this.#shown = lines;
    if (frame !== '') this.#output.write(BEGIN_FRAME + frame + END_FRAME);
  }
}
