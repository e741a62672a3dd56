import {
  formatTransferCombined,
  formatTransferJson,
  formatTransferText,
  type LogMembers,
  type Observer,
  type TransferRecord,
} from 'sluiceway';
import { formatEntryJson, formatEntryText, LEVELS, type Level, type LogEntry } from './entry.js';
import { EntryLimit } from './entry-limit.js';
import { LineWriter } from './line-writer.js';
import { isStandard, openOutput } from './output.js';
import type { Sink } from './sink.js';
import { levelOf } from './transfer-level.js';

/** The checked settings of the logs. Outputs are `stdout`, `stderr` or absolute paths. */
export interface LogSettings {
  /** Of the transfer log. */
  format: 'text' | 'json' | 'combined' | 'none';
  output: string;
  /** Where everything else is written. */
  errors: string;
  /** The least serious lines that are written. */
  level: Level;
  /** Most bytes that wait for each output. */
  buffer: number;
}

/** An output that could not be opened. */
export class OutputError extends Error {
  /** The option that names it. */
  readonly option: 'output' | 'errors';

  constructor(option: 'output' | 'errors', cause: unknown) {
    const { code = '', message } = cause as NodeJS.ErrnoException;
    super(`cannot be opened: ${reasons[code] ?? message}`, { cause });
    this.option = option;
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such directory',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
  ENXIO: 'it is a pipe that no process reads',
  EROFS: 'the file system is read-only',
};

/** A change of the outputs. Exactly one of the two is called. */
export interface LogChange {
  apply(): void;
  cancel(): void;
}

const FORMATS: Readonly<Record<string, (record: TransferRecord, members: LogMembers) => string>> = {
  text: formatTransferText,
  json: formatTransferJson,
  combined: formatTransferCombined,
};

/** How long the end of the process waits for the logs to be written. */
const FLUSH_MS = 1000;

/** The logs that may have lines left. */
const open = new Set<Logs>();

function flushAll(): void {
  for (const logs of open) logs.flushSync();
}

/** The transfer log and the error log of a process. They share an output if both name the same one. */
export class Logs {
  readonly #onTrouble: (message: string) => void;
  readonly #writers = new Map<string, LineWriter>();
  #settings: LogSettings | null = null;
  #format: ((record: TransferRecord, members: LogMembers) => string) | null = null;
  #transfers: LineWriter | null = null;
  #errors: LineWriter | null = null;
  /** Lines that former outputs have dropped. */
  #droppedBefore = 0;
  readonly #limit = new EntryLimit((event, entries) =>
    this.#write({
      level: 'warn',
      event,
      message: `${entries} more errors of the kind ${event} are not shown`,
      clientAddress: null,
      code: '',
    }),
  );

  /** `onTrouble` gets messages about outputs that cannot be written. */
  constructor(onTrouble: (message: string) => void) {
    this.#onTrouble = onTrouble;
    if (open.size === 0) process.on('exit', flushAll);
    open.add(this);
  }

  /** Lines that were dropped because an output was too slow. */
  get dropped(): number {
    return Array.from(this.#writers.values()).reduce(
      (sum, { dropped }) => sum + dropped,
      this.#droppedBefore,
    );
  }

  /** Opens all outputs, also those that are open already. Throws an `OutputError`. */
  prepare(settings: LogSettings): LogChange {
    const opened = new Map<string, Sink>();
    const cancel = (): void => {
      for (const sink of opened.values()) sink.close();
    };
    for (const option of ['output', 'errors'] as const) {
      const output = settings[option];
      if (opened.has(output) || (option === 'output' && settings.format === 'none')) continue;
      if (isStandard(output) && this.#writers.has(output)) continue;
      try {
        opened.set(output, openOutput(output));
      } catch (error) {
        cancel();
        throw new OutputError(option, error);
      }
    }
    return { apply: () => this.#apply(settings, opened), cancel };
  }

  /** Opens files again, after they were renamed. Those that cannot be opened stay as they are. */
  reopen(): void {
    for (const [output, writer] of this.#writers) {
      if (isStandard(output)) continue;
      try {
        writer.replace(openOutput(output));
      } catch (error) {
        this.#onTrouble(`${output} could not be opened again: ${(error as Error).message}`);
      }
    }
  }

  /** Writes the transfers of a route. */
  observer(route: string): Observer {
    const members = Object.freeze({ route });
    return { onTransferEnd: (record) => this.#onTransferEnd(record, members) };
  }

  /** Writes an entry to the error log, unless there are too many of its event. */
  report(entry: LogEntry): void {
    if (this.#shows(entry.level) && this.#limit.admit(entry.event)) this.#write(entry);
  }

  /** Writes what is left. Resolves when it is written, or after a second. */
  async close(): Promise<void> {
    this.#limit.end();
    await Promise.all(Array.from(this.#writers.values(), (writer) => writer.flush(FLUSH_MS)));
    open.delete(this);
    if (open.size === 0) process.off('exit', flushAll);
  }

  /** Writes what is left when the process ends. */
  flushSync(): void {
    for (const writer of this.#writers.values()) writer.flushSync();
  }

  #apply(settings: LogSettings, opened: ReadonlyMap<string, Sink>): void {
    for (const [output, sink] of opened) {
      const writer = this.#writers.get(output);
      if (writer === undefined) this.#writers.set(output, this.#create(output, sink));
      else writer.replace(sink);
    }
    this.#settings = settings;
    this.#format = FORMATS[settings.format] ?? null;
    this.#transfers = this.#format === null ? null : (this.#writers.get(settings.output) ?? null);
    this.#errors = this.#writers.get(settings.errors) ?? null;
    for (const writer of this.#writers.values()) writer.maxPending = settings.buffer;
    for (const [output, writer] of this.#writers) {
      if (writer === this.#transfers || writer === this.#errors) continue;
      this.#writers.delete(output);
      this.#droppedBefore += writer.dropped;
      void writer.flush(FLUSH_MS).then(() => writer.discard());
    }
  }

  #create(output: string, sink: Sink): LineWriter {
    return new LineWriter(sink, {
      formatDropped: (lines) =>
        this.#formatEntry({
          level: 'error',
          event: 'log_dropped',
          message: `${lines} lines of this log were dropped, because it could not be written fast enough`,
          clientAddress: null,
          code: '',
        }),
      onChange: (error) => {
        if (isStandard(output)) return;
        this.#onTrouble(
          error === null
            ? `${output} can be written again`
            : `${output} cannot be written: ${error.message}; lines wait for it, and are dropped if they are too many`,
        );
      },
    });
  }

  #onTransferEnd(record: TransferRecord, members: LogMembers): void {
    if (this.#transfers === null || this.#format === null || !this.#shows(levelOf(record.outcome))) return;
    this.#transfers.write(this.#format(record, members));
  }

  #write(entry: LogEntry): void {
    this.#errors?.write(this.#formatEntry(entry));
  }

  #formatEntry(entry: LogEntry): string {
    return this.#settings?.format === 'json' ? formatEntryJson(entry) : formatEntryText(entry);
  }

  #shows(level: Level): boolean {
    return LEVELS.indexOf(level) >= LEVELS.indexOf(this.#settings?.level ?? 'info');
  }
}
