import type { LiveTransfer } from 'sluiceway';

/** What is left to do while the server drains. */
export interface DrainProgress {
  transfers: number;
  /** Bytes of content that are known to be left, both ways. */
  bytesLeft: number;
  /** The transfers whose length is not known. */
  unknown: number;
}

export const noProgress: DrainProgress = { transfers: 0, bytesLeft: 0, unknown: 0 };

type Lengths = Pick<LiveTransfer, 'requestLength' | 'bytesUp' | 'responseLength' | 'bytesDown'>;

export function measureProgress(transfers: readonly Lengths[]): DrainProgress {
  let bytesLeft = 0;
  let unknown = 0;
  for (const { requestLength, bytesUp, responseLength, bytesDown } of transfers) {
    if (requestLength === null && responseLength === null) unknown += 1;
    bytesLeft += left(requestLength, bytesUp) + left(responseLength, bytesDown);
  }
  return { transfers: transfers.length, bytesLeft, unknown };
}

const left = (length: number | null, done: number): number =>
  length === null ? 0 : Math.max(0, length - done);

/** The progress of several workers as one. */
export const addProgress = (a: DrainProgress, b: DrainProgress): DrainProgress => ({
  transfers: a.transfers + b.transfers,
  bytesLeft: a.bytesLeft + b.bytesLeft,
  unknown: a.unknown + b.unknown,
});
