// @ts-check
import { createCipheriv } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

const zeros = Buffer.alloc(1 << 20);

/** @param {number} bytes */
function* keystream(bytes) {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 's'), Buffer.alloc(16));
  for (let left = bytes; left > 0; left -= zeros.length) {
    yield cipher.update(zeros.subarray(0, Math.min(left, zeros.length)));
  }
}

/**
 * Content that is the same on every machine and that no copy can take out of a CPU cache.
 *
 * @param {string} file
 * @param {number} bytes
 */
export async function writeContent(file, bytes) {
  await pipeline(keystream(bytes), createWriteStream(file));
}

/**
 * A file that takes no memory: for a transfer larger than the machine should have to hold.
 *
 * @param {string} file
 * @param {number} bytes
 */
export async function writeHole(file, bytes) {
  const handle = await open(file, 'w');
  await handle.truncate(bytes);
  await handle.close();
}
