import { createCipheriv, createHash } from 'node:crypto';

/**
 * Content of any length that looks random and that both ends can compute. The same seed and offset always give the same
 * bytes, and any offset costs no more than a copy.
 *
 * One block of pseudorandom bytes is created once. Content consists of pieces of 1 MiB, each of which is a different
 * window onto the block. So lost, repeated and reordered bytes are detected, and a piece can be written to a socket
 * without a copy.
 */
const PIECE_BYTES = 1024 * 1024;
const BLOCK_BYTES = 16 * PIECE_BYTES;

/** A prime below the number of places where a window fits. All windows of 14 TiB differ. */
const PLACES = 15_728_611;
const STEP = 9_699_713;

export type Seed = string | number;

let block: Buffer | undefined;

function makeBlock(): Buffer {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 'sluiceway'), Buffer.alloc(16));
  return cipher.update(Buffer.alloc(BLOCK_BYTES));
}

/** The place of the first window of a seed (FNV-1a). */
function firstPlace(seed: Seed): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(String(seed))) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0) % PLACES;
}

/**
 * Returns the bytes from `offset` on, as many as possible without a copy: at most `length`, and at least one if `length`
 * is not 0. The view is of shared memory: do not write to it.
 */
export function seededView(seed: Seed, offset: number, length: number): Buffer {
  block ??= makeBlock();
  const within = offset % PIECE_BYTES;
  const piece = (offset - within) / PIECE_BYTES;
  const start = ((firstPlace(seed) + (piece % PLACES) * STEP) % PLACES) + within;
  return block.subarray(start, start + Math.min(length, PIECE_BYTES - within));
}

/** The content between two offsets, view by view. */
export function* seededViews(seed: Seed, offset: number, length: number): Generator<Buffer, void> {
  const end = offset + length;
  for (let at = offset; at < end; ) {
    const view = seededView(seed, at, end - at);
    yield view;
    at += view.length;
  }
}

/** A copy of `length` bytes from `offset` on. */
export function seededBytes(seed: Seed, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  for (const view of seededViews(seed, offset, length)) filled += view.copy(bytes, filled);
  return bytes;
}

/** Whether `bytes` equal the content at `offset`. Much cheaper than a digest. */
export function isSeeded(seed: Seed, offset: number, bytes: Uint8Array): boolean {
  let at = 0;
  for (const view of seededViews(seed, offset, bytes.length)) {
    if (view.compare(bytes, at, at + view.length) !== 0) return false;
    at += view.length;
  }
  return true;
}

/** The SHA-256 of the first `length` bytes in hex. Blocks the thread for about 2 s per GiB. */
export function seededDigest(seed: Seed, length: number): string {
  const hash = createHash('sha256');
  for (const view of seededViews(seed, 0, length)) hash.update(view);
  return hash.digest('hex');
}
