import { constants, type Stats } from 'node:fs';
import {
  type FileHandle,
  link,
  lstat,
  open,
  readFile,
  rename,
  rm,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Facts } from './facts.js';
import { diskError, GetError } from './get-error.js';
import { isRunning } from './is-running.js';
import { formatState, hashUrl, type PartState, parseState, withoutQuery } from './part-state.js';
import type { DownloadSink } from './sink.js';

/** How often the bytes so far are made safe against a crash of the machine. */
const CHECKPOINT_MS = 2000;
const READ_BYTES = 1024 * 1024;
/** The limit of common file systems. */
const MAX_NAME_BYTES = 255;

/** File systems without hard links. */
const NO_LINKS: ReadonlySet<string> = new Set([
  'EPERM',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EMLINK',
  'EXDEV',
]);

export interface FileSinkOptions {
  /** The path without `.part`. The complete file can have another one: see `path` of the sink. */
  path: string;
  url: string;
  /** Replaces an existing file, and a part of another download. */
  force: boolean;
}

/**
 * A file that becomes visible under its name when it is complete. Until then its bytes are in `<path>.part`, and what
 * identifies the file is in `<path>.part.json`, for a later run. If the name is too long for that, a hash stands for it.
 */
export class FileSink implements DownloadSink {
  offset = 0;
  facts: Facts | null = null;
  /** How many bytes of an earlier run there were. */
  resumedFrom = 0;
  readonly canRestart = true;
  readonly canReadAll = true;
  /** Whether the part of an earlier run was begun with exactly this URL, with its query. */
  isOfSameUrl = true;
  /** The path of the complete file. */
  path: string;
  readonly part: string;
  readonly #stateFile: string;
  readonly #url: string;
  readonly #force: boolean;
  #handle: FileHandle | null = null;
  #savedAt = 0;

  constructor({ path, url, force }: FileSinkOptions) {
    this.path = path;
    this.part = join(dirname(path), `${partName(basename(path))}.part`);
    this.#stateFile = `${this.part}.json`;
    this.#url = url;
    this.#force = force;
  }

  /** Opens the part, and reads what an earlier run has left. Throws a `GetError`. */
  async open(): Promise<void> {
    const [stats, state] = [await statOf(this.part), await this.#readState()];
    if (stats !== null && !stats.isFile())
      throw new GetError(
        'disk',
        `${this.part} is not a regular file; remove it, or choose another name with -o`,
      );
    if (state !== null && state.pid !== null && state.pid !== process.pid && isRunning(state.pid))
      throw new GetError(
        'exists',
        `${this.part} is being written by another sluiceway get (process ${state.pid})`,
      );
    const isOurs = state !== null && state.url === withoutQuery(this.#url);
    if (stats !== null && !isOurs && !this.#force) {
      const whose = state === null ? 'has not been written by sluiceway get' : `is a part of ${state.url}`;
      throw new GetError(
        'exists',
        `${this.part} ${whose}; choose another name with -o, or discard it with --force`,
      );
    }
    // Not following a symbolic link: others may be able to create one in a shared folder.
    const flags = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
    this.#handle = await attempt('write', this.part, () => open(this.part, flags, 0o666));
    if (isOurs && stats !== null && state.facts !== null) {
      this.offset = Math.min(stats.size, state.bytes);
      this.facts = this.offset === 0 ? null : state.facts;
    }
    this.resumedFrom = this.offset;
    await this.#truncate();
    await this.#save(process.pid);
  }

  async restart(): Promise<void> {
    this.offset = 0;
    this.facts = null;
    await this.#truncate();
    await this.#save(process.pid);
  }

  async note(facts: Facts): Promise<void> {
    this.facts = facts;
    await this.#save(process.pid);
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    const { bytesRead } = await attempt('read', this.part, () => this.#open.read(bytes, 0, length, position));
    return bytes.subarray(0, bytesRead);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await attempt('write', this.part, () =>
        this.#open.write(bytes, at, bytes.length - at, this.offset),
      );
      at += bytesWritten;
      this.offset += bytesWritten;
    }
    if (Date.now() - this.#savedAt >= CHECKPOINT_MS) await this.#checkpoint(process.pid);
  }

  async readAll(feed: (bytes: Uint8Array) => void): Promise<void> {
    for (let at = 0; at < this.offset; ) {
      const bytes = await this.read(at, Math.min(READ_BYTES, this.offset - at));
      if (bytes.length === 0)
        throw new GetError('disk', `cannot read ${this.part}: it is shorter than it was`);
      feed(bytes);
      at += bytes.length;
    }
  }

  async suspend(): Promise<void> {
    if (this.#handle === null) return;
    if (this.offset === 0) {
      await this.discard();
      return;
    }
    try {
      await this.#checkpoint(null);
    } finally {
      await this.#close();
    }
  }

  async discard(): Promise<void> {
    await this.#close();
    await Promise.all([rm(this.part, { force: true }), rm(this.#stateFile, { force: true })]);
  }

  async complete(): Promise<string> {
    await attempt('write', this.part, () => this.#open.sync());
    await this.#close();
    await (this.#force ? attempt('write', this.path, () => rename(this.part, this.path)) : this.#linkAsNew());
    await rm(this.#stateFile, { force: true });
    return this.path;
  }

  /** Gives the part its name, unless something has it. */
  async #linkAsNew(): Promise<void> {
    try {
      await link(this.part, this.path);
      await unlink(this.part);
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') throw existsError(this.path, this.part);
      if (!NO_LINKS.has(code)) throw diskError('write', this.path, error);
      if ((await statOf(this.path)) !== null) throw existsError(this.path, this.part);
      await attempt('write', this.path, () => rename(this.part, this.path));
    }
  }

  get #open(): FileHandle {
    if (this.#handle === null) throw new TypeError('The part is not open');
    return this.#handle;
  }

  async #truncate(): Promise<void> {
    await attempt('write', this.part, () => this.#open.truncate(this.offset));
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await handle?.close();
  }

  async #checkpoint(pid: number | null): Promise<void> {
    await attempt('write', this.part, () => this.#open.datasync());
    await this.#save(pid);
  }

  /** The state must never claim more bytes than are safe, and never of another file. */
  async #save(pid: number | null): Promise<void> {
    const state: PartState = {
      url: withoutQuery(this.#url),
      urlHash: hashUrl(this.#url),
      bytes: this.offset,
      pid,
      facts: this.facts,
    };
    const next = `${this.#stateFile}.tmp`;
    await attempt('write', this.#stateFile, async () => {
      await writeFile(next, formatState(state), { mode: 0o600 });
      await rename(next, this.#stateFile);
    });
    this.#savedAt = Date.now();
  }

  async #readState(): Promise<PartState | null> {
    try {
      const state = parseState(await readFile(this.#stateFile, 'utf8'));
      if (state !== null) this.isOfSameUrl = state.urlHash === hashUrl(this.#url);
      return state;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw diskError('read', this.#stateFile, error);
    }
  }
}

/** A name that leaves room for what is appended to it. */
const partName = (name: string): string =>
  Buffer.byteLength(name) + '.part.json.tmp'.length <= MAX_NAME_BYTES ? name : hashUrl(name).slice(0, 32);

export const existsError = (path: string, part?: string): GetError =>
  new GetError(
    'exists',
    `${path} already exists; --force overwrites it${part === undefined ? '' : `. The download is complete in ${part}`}`,
  );

/** Null if nothing is there. */
export async function statOf(path: string): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw diskError('read', path, error);
  }
}

async function attempt<T>(verb: 'read' | 'write', file: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof GetError) throw error;
    throw diskError(verb, file, error);
  }
}
