import type { Facts } from './facts.js';

/** Where a file goes: a file on disk, or standard output. */
export interface DownloadSink {
  /** Bytes of the file that are there. */
  readonly offset: number;
  /** What is known about the file whose bytes are there. Null if there are none. */
  readonly facts: Facts | null;
  /** Whether it can start again. */
  readonly canRestart: boolean;
  /** Whether all bytes can be read again. */
  readonly canReadAll: boolean;

  /** Forgets all bytes. */
  restart(): Promise<void>;
  /** Notes what is known about the file. Called before the first byte, and when more becomes known. */
  note(facts: Facts): Promise<void>;
  /** Returns stored bytes from `position` on. Null if they are not held any more. */
  read(position: number, length: number): Promise<Uint8Array | null>;
  /** Appends bytes. They may be overwritten when it resolves. */
  write(bytes: Uint8Array): Promise<void>;
  /** Calls `feed` with all bytes that are there, in order. Only with `canReadAll`. */
  readAll(feed: (bytes: Uint8Array) => void): Promise<void>;
  /** Keeps what is there for a later run. */
  suspend(): Promise<void>;
  /** Removes what is there. */
  discard(): Promise<void>;
  /** Makes the complete file visible under its name. Returns the name. */
  complete(): Promise<string>;
}
