import { setTimeout as sleep } from 'node:timers/promises';

const SLICES_PER_SECOND = 10;

/** Passes bytes on at a rate, a tenth of a second of them at a time. */
export async function* paced(views: Iterable<Buffer>, bytesPerSecond: number): AsyncGenerator<Buffer, void> {
  const slice = Math.ceil(bytesPerSecond / SLICES_PER_SECOND);
  const start = performance.now();
  let sent = 0;
  for (const view of views)
    for (let at = 0; at < view.length; at += slice) {
      const part = view.subarray(at, at + slice);
      const due = start + (sent / bytesPerSecond) * 1000;
      const early = due - performance.now();
      if (early > 1) await sleep(early, undefined, { ref: false });
      yield part;
      sent += part.length;
    }
}
