/**
 * How many of the last delivered bytes are kept. Copying them takes less than one percent of the CPU time of relaying
 * the content, even in chunks of 16 KiB.
 */
export const TAIL_BYTES = 4 * 1024;

/**
 * A copy of the last delivered bytes of some content. The request for the rest includes these bytes, and the response
 * begins with the same ones if it is of the same file.
 */
export class DeliveredTail {
  /** The oldest byte is at `#next` once the ring is full, and at 0 before. */
  #ring: Buffer | null = null;
  #next = 0;
  #length = 0;
  /** Position after the last byte of the copy. */
  #position = 0;

  /** Keeps the end of a chunk that ends at `position`. If bytes before it were not passed here, drops the older copy. */
  remember(bytes: Uint8Array, position: number): void {
    if (this.#position !== position - bytes.length) this.#length = 0;
    this.#position = position;
    const ring = (this.#ring ??= Buffer.allocUnsafeSlow(TAIL_BYTES));
    if (bytes.length >= TAIL_BYTES) {
      ring.set(bytes.subarray(bytes.length - TAIL_BYTES));
      this.#next = 0;
      this.#length = TAIL_BYTES;
      return;
    }
    const next = this.#length === 0 ? 0 : this.#next;
    const room = TAIL_BYTES - next;
    if (bytes.length < room) ring.set(bytes, next);
    else {
      ring.set(bytes.subarray(0, room), next);
      ring.set(bytes.subarray(room), 0);
    }
    this.#next = (next + bytes.length) % TAIL_BYTES;
    this.#length = Math.min(TAIL_BYTES, this.#length + bytes.length);
  }

  /** Drops the copy and its memory: bytes have been delivered that are not passed here. */
  forget(): void {
    this.#ring = null;
    this.#length = 0;
  }

  /** The bytes before `position`, as many as are known. */
  before(position: number): Buffer {
    const ring = this.#ring;
    if (ring === null || this.#position !== position || this.#length === 0) return NONE;
    if (this.#length < TAIL_BYTES) return Buffer.from(ring.subarray(0, this.#length));
    return Buffer.concat([ring.subarray(this.#next), ring.subarray(0, this.#next)]);
  }
}

const NONE = Buffer.alloc(0);
