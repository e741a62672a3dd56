import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** Frees unreferenced memory, and allocates other memory of the same sizes, filled with `byte`, in its place. */
export async function reuseFreedMemory(byte: string, sizes: readonly number[]): Promise<Buffer[]> {
  for (let round = 0; round < 3; round += 1) {
    gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return sizes.flatMap((size) => Array.from({ length: 200 }, () => Buffer.allocUnsafeSlow(size).fill(byte)));
}
