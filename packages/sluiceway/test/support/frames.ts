import { encodeFields, FieldDecoder, type FieldLine } from './hpack.js';
import type { Wire } from './wire.js';

/** RFC 9113 section 6. */
export const FrameType = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

export const Flag = { NONE: 0, END_STREAM: 1, ACK: 1, END_HEADERS: 4, PADDED: 8, PRIORITY: 32 } as const;

export const Setting = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
  ENABLE_CONNECT_PROTOCOL: 8,
} as const;

/** RFC 9113 section 7. */
export const ErrorCode = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  SETTINGS_TIMEOUT: 4,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  CONNECT_ERROR: 10,
  ENHANCE_YOUR_CALM: 11,
  INADEQUATE_SECURITY: 12,
  HTTP_1_1_REQUIRED: 13,
} as const;

/** The frame size that every peer accepts (RFC 9113 section 4.2). */
const MAX_FRAME_SIZE = 16_384;

export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

export interface Frame {
  type: number;
  flags: number;
  stream: number;
  payload: Buffer;
}

/** A received field section, including its CONTINUATION frames. */
export interface Section {
  stream: number;
  /** Names and values in order, including pseudo-header fields. */
  lines: FieldLine[];
  endStream: boolean;
}

export interface FramesOptions {
  /** Answer SETTINGS and PING of the peer while reading. Default true. */
  acknowledges?: boolean;
}

/**
 * HTTP/2 at the level of frames over a raw connection. Sends any frames, valid or not, and returns those that arrive. A
 * client begins with `writePreface`, a server with `readPreface`. Then both call `settings`.
 */
export class Frames {
  readonly wire: Wire;
  readonly #acknowledges: boolean;
  readonly #decoder = new FieldDecoder();
  /** Skipped frames, oldest first. */
  readonly #passed: Frame[] = [];
  /** The fields of HEADERS frames. They are decoded in the order of arrival, since the decoder has a state. */
  readonly #decoded = new WeakMap<Frame, FieldLine[]>();
  #block: { frame: Frame; parts: Buffer[] } | null = null;

  constructor(wire: Wire, options: FramesOptions = {}) {
    this.wire = wire;
    this.#acknowledges = options.acknowledges ?? true;
  }

  writePreface(): Promise<void> {
    return this.wire.write(PREFACE);
  }

  async readPreface(): Promise<void> {
    const preface = (await this.wire.readExactly(PREFACE.length)).toString('latin1');
    if (preface !== PREFACE) throw new Error(`Not a connection preface: ${JSON.stringify(preface)}`);
  }

  /** The next frame of any type, in order. Throws `ConnectionEnded` if there is none. */
  async readFrame(): Promise<Frame> {
    return this.#passed.shift() ?? (await this.#receive());
  }

  /** The next frame of a type, on the given stream if there is one. Others are kept for later reads. */
  next(type: number, stream?: number): Promise<Frame> {
    return this.#find((frame) => frame.type === type && (stream === undefined || frame.stream === stream));
  }

  /** The next frame on a stream, of any type. */
  nextOn(stream: number): Promise<Frame> {
    return this.#find((frame) => frame.stream === stream);
  }

  /** The next field section: a head, or trailers. */
  async readSection(stream?: number): Promise<Section> {
    return this.toSection(await this.next(FrameType.HEADERS, stream));
  }

  /** The content of a stream up to its end, and its trailers if there are any. Keeps its window open. */
  async readContent(stream: number): Promise<{ content: Buffer; trailers: FieldLine[] | null }> {
    const parts: Buffer[] = [];
    for (;;) {
      const frame = await this.nextOn(stream);
      if (frame.type === FrameType.RST_STREAM) throw new StreamReset(frame);
      if (frame.type === FrameType.HEADERS) {
        const { lines } = await this.toSection(frame);
        return { content: Buffer.concat(parts), trailers: lines };
      }
      if (frame.type !== FrameType.DATA) continue;
      parts.push(withoutPadding(frame));
      if ((frame.flags & Flag.END_STREAM) !== 0) return { content: Buffer.concat(parts), trailers: null };
      if (frame.payload.length > 0) {
        void this.windowUpdate(0, frame.payload.length);
        void this.windowUpdate(stream, frame.payload.length);
      }
    }
  }

  /** The error code with which the peer resets a stream. */
  async readReset(stream: number): Promise<number> {
    return (await this.next(FrameType.RST_STREAM, stream)).payload.readUInt32BE(0);
  }

  async readGoaway(): Promise<{ lastStream: number; code: number }> {
    const { payload } = await this.next(FrameType.GOAWAY);
    return { lastStream: payload.readUInt32BE(0), code: payload.readUInt32BE(4) };
  }

  send(type: number, flags: number, stream: number, payload: string | Uint8Array = ''): Promise<void> {
    const bytes = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload;
    return this.wire.write(Buffer.concat([frameHead(bytes.length, type, flags, stream), bytes]));
  }

  settings(settings: readonly (readonly [id: number, value: number])[] = []): Promise<void> {
    const payload = Buffer.alloc(6 * settings.length);
    for (const [index, [id, value]] of settings.entries()) {
      payload.writeUInt16BE(id, 6 * index);
      payload.writeUInt32BE(value, 6 * index + 2);
    }
    return this.send(FrameType.SETTINGS, Flag.NONE, 0, payload);
  }

  acknowledgeSettings(): Promise<void> {
    return this.send(FrameType.SETTINGS, Flag.ACK, 0);
  }

  /** Sends a field section with only the given flags. Uses several frames only if one is too small. */
  headers(stream: number, lines: readonly FieldLine[], flags: number = Flag.END_HEADERS): Promise<void> {
    const block = encodeFields(lines);
    const fits = block.length <= MAX_FRAME_SIZE;
    let sent = this.send(
      FrameType.HEADERS,
      fits ? flags : flags & ~Flag.END_HEADERS,
      stream,
      block.subarray(0, MAX_FRAME_SIZE),
    );
    for (let at = MAX_FRAME_SIZE; at < block.length; at += MAX_FRAME_SIZE) {
      const isLast = at + MAX_FRAME_SIZE >= block.length;
      const rest = block.subarray(at, at + MAX_FRAME_SIZE);
      sent = this.send(FrameType.CONTINUATION, isLast ? flags & Flag.END_HEADERS : 0, stream, rest);
    }
    return sent;
  }

  data(stream: number, bytes: string | Uint8Array, flags: number = Flag.NONE): Promise<void> {
    return this.send(FrameType.DATA, flags, stream, bytes);
  }

  reset(stream: number, code: number): Promise<void> {
    return this.send(FrameType.RST_STREAM, Flag.NONE, stream, uint32(code));
  }

  goaway(lastStream: number, code: number, debug = ''): Promise<void> {
    const payload = Buffer.concat([uint32(lastStream), uint32(code), Buffer.from(debug, 'latin1')]);
    return this.send(FrameType.GOAWAY, Flag.NONE, 0, payload);
  }

  windowUpdate(stream: number, bytes: number): Promise<void> {
    return this.send(FrameType.WINDOW_UPDATE, Flag.NONE, stream, uint32(bytes));
  }

  /** `payload` is eight bytes. */
  ping(payload = '01234567', flags: number = Flag.NONE): Promise<void> {
    return this.send(FrameType.PING, flags, 0, payload);
  }

  async #find(isWanted: (frame: Frame) => boolean): Promise<Frame> {
    const index = this.#passed.findIndex(isWanted);
    if (index >= 0) return this.#passed.splice(index, 1)[0] as Frame;
    for (;;) {
      const frame = await this.#receive();
      if (isWanted(frame)) return frame;
      this.#passed.push(frame);
    }
  }

  /** The field section of a HEADERS frame and its CONTINUATION frames. */
  async toSection(frame: Frame): Promise<Section> {
    for (;;) {
      const lines = this.#decoded.get(frame);
      if (lines !== undefined)
        return { stream: frame.stream, lines, endStream: (frame.flags & Flag.END_STREAM) !== 0 };
      await this.next(FrameType.CONTINUATION, frame.stream);
    }
  }

  async #receive(): Promise<Frame> {
    const head = await this.wire.readExactly(9);
    const payload = await this.wire.readExactly(head.readUIntBE(0, 3));
    const [type, flags] = [head.readUInt8(3), head.readUInt8(4)];
    if (this.#acknowledges && (flags & Flag.ACK) === 0) {
      if (type === FrameType.SETTINGS) void this.acknowledgeSettings();
      if (type === FrameType.PING) void this.send(type, Flag.ACK, 0, payload);
    }
    const frame = { type, flags, stream: head.readUInt32BE(5) & 0x7fffffff, payload };
    if (type === FrameType.HEADERS) this.#block = { frame, parts: [withoutPadding(frame)] };
    else if (type === FrameType.CONTINUATION) this.#block?.parts.push(payload);
    else return frame;
    if (this.#block !== null && (flags & Flag.END_HEADERS) !== 0)
      this.#decoded.set(this.#block.frame, this.#decoder.decode(Buffer.concat(this.#block.parts)));
    return frame;
  }
}

/** Content whose stream the peer has reset. */
export class StreamReset extends Error {
  override readonly name = 'StreamReset';
  readonly code: number;

  constructor(frame: Frame) {
    const code = frame.payload.readUInt32BE(0);
    super(`Stream ${frame.stream} was reset with code ${code}`);
    this.code = code;
  }
}

/** The nine bytes before a payload. They need not match it. */
function frameHead(length: number, type: number, flags: number, stream: number): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return head;
}

/** The payload of a DATA or HEADERS frame, without padding and priority. */
export function withoutPadding({ type, flags, payload }: Frame): Buffer {
  const padding = (flags & Flag.PADDED) === 0 ? 0 : payload.readUInt8(0);
  const start = (flags & Flag.PADDED) === 0 ? 0 : 1;
  const priority = type === FrameType.HEADERS && (flags & Flag.PRIORITY) !== 0 ? 5 : 0;
  return payload.subarray(start + priority, payload.length - padding);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** The value of the only line with that name; undefined if there is none. Throws if there are several. */
export function fieldOf(lines: readonly FieldLine[], name: string): string | undefined {
  const values = lines.filter(([each]) => each === name).map(([, value]) => value);
  if (values.length > 1) throw new Error(`${values.length} lines of ${name}`);
  return values[0];
}
