const OPCODE_CLOSE = 0x8;

/** 1001: the endpoint goes away, for example because the server stops (RFC 6455 section 7.4.1). */
const GOING_AWAY = [0x03, 0xe9] as const;

/** Formats a Close frame with the code 1001. A client's frame is masked with a 4-byte key; pass null for a server's. */
export function formatGoingAway(mask: Uint8Array | null): Uint8Array {
  const head = 0x80 | OPCODE_CLOSE;
  if (mask === null) return Uint8Array.of(head, GOING_AWAY.length, ...GOING_AWAY);
  const masked = GOING_AWAY.map((byte, i) => byte ^ (mask[i] ?? 0));
  return Uint8Array.of(head, 0x80 | GOING_AWAY.length, ...mask.subarray(0, 4), ...masked);
}

/**
 * Finds frame boundaries (RFC 6455 section 5.2) in relayed bytes, because the proxy can insert a frame of its own only
 * between two frames. Reads nothing else, so it works with any extension that the two sides negotiate.
 */
export class WebSocketFrameScanner {
  readonly #head = new Uint8Array(14);
  #headLength = 0;
  #headNeeded = 2;
  /** Length of the head of the current frame. */
  #frameHeadLength = 0;
  /** Bytes of the payload still to come. More than 2^53 never ends in practice. */
  #payloadLeft = 0;
  #isClose = false;
  /** A Close frame has passed. Nothing may follow it. */
  hasClosed = false;

  get isBetweenFrames(): boolean {
    return this.#headLength === 0 && this.#payloadLeft === 0;
  }

  /**
   * Consumes bytes from `start` to the end of their frame, or to the end of the input. Returns the position after them.
   * `isBetweenFrames` says whether the frame has ended.
   */
  takeFrame(bytes: Uint8Array, start: number): number {
    let at = start;
    while (at < bytes.length) {
      if (this.#payloadLeft > 0) {
        const taken = Math.min(this.#payloadLeft, bytes.length - at);
        this.#payloadLeft -= taken;
        at += taken;
      } else {
        this.#takeHeadByte(bytes[at] ?? 0);
        at += 1;
      }
      if (!this.isBetweenFrames) continue;
      this.hasClosed ||= this.#isClose;
      return at;
    }
    return at;
  }

  /**
   * Returns the number of bytes up to the end of the current frame, or of the frame that begins with `head`. Pass these
   * bytes to `skip`. Returns 0 if the number is unknown.
   */
  measureFrame(head: Uint8Array): number {
    if (!this.isBetweenFrames) return this.#headLength === 0 ? this.#payloadLeft : 0;
    for (const byte of head) {
      this.#takeHeadByte(byte);
      if (this.#headLength > 0) continue;
      this.#payloadLeft += this.#frameHeadLength;
      return this.#payloadLeft;
    }
    this.#headLength = 0;
    this.#headNeeded = 2;
    return 0;
  }

  /** Skips bytes of those that `measureFrame` has returned, without reading them. */
  skip(bytes: number): void {
    this.#payloadLeft -= bytes;
    if (this.isBetweenFrames) this.hasClosed ||= this.#isClose;
  }

  #takeHeadByte(byte: number): void {
    const head = this.#head;
    head[this.#headLength] = byte;
    this.#headLength += 1;
    if (this.#headLength === 2)
      this.#headNeeded = 2 + extendedLengthBytes(byte & 0x7f) + (byte & 0x80 ? 4 : 0);
    if (this.#headLength < this.#headNeeded) return;
    this.#isClose = ((head[0] ?? 0) & 0x0f) === OPCODE_CLOSE;
    this.#payloadLeft = this.#readLength();
    this.#frameHeadLength = this.#headNeeded;
    this.#headLength = 0;
    this.#headNeeded = 2;
  }

  #readLength(): number {
    const short = (this.#head[1] ?? 0) & 0x7f;
    const extended = extendedLengthBytes(short);
    if (extended === 0) return short;
    let length = 0;
    for (let i = 0; i < extended; i += 1) length = length * 256 + (this.#head[2 + i] ?? 0);
    return length;
  }
}

const extendedLengthBytes = (short: number): number => (short === 126 ? 2 : short === 127 ? 8 : 0);
