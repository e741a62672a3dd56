import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** Frees what nothing refers to, and lets other memory of that size, filled with `byte`, take its place. */
export async function reuseFreedMemory(byte: string, sizes: readonly number[]): Promise<Buffer[]> {
  for (let round = 0; round < 3; round += 1) {
    gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return sizes.flatMap((size) => Array.from({ length: 200 }, () => Buffer.allocUnsafeSlow(size).fill(byte)));
}
