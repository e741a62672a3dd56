/** What a TLS client asks for at the beginning of a connection. */
export interface ClientHello {
  /** The name that it asks for (RFC 6066 section 3); `''` if it names none. */
  serverName: string;
  /** The protocols that it offers (ALPN, RFC 7301). */
  protocols: readonly string[];
}

const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const ALPN = 16;

/** A ClientHello in one record. A longer one, or one in several records, is of no interest here. */
const MAX_BYTES = 5 + 16_384;

/** Reads bytes one after the other. Every read beyond the end throws a `RangeError`. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  number(bytes: 1 | 2 | 3): number {
    this.#at += bytes;
    return this.#bytes.readUIntBE(this.#at - bytes, bytes);
  }

  take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw new RangeError('cut off');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** A vector with its length in front. */
  vector(lengthBytes: 1 | 2 | 3): Reader {
    return new Reader(this.take(this.number(lengthBytes)));
  }

  rest(): Buffer {
    return this.take(this.#bytes.length - this.#at);
  }
}

/**
 * Reads a ClientHello (RFC 8446 section 4.1.2). Returns `incomplete` if more bytes can complete it, and null for bytes that
 * are none, or none in a single record.
 */
export function readClientHello(bytes: Buffer): ClientHello | 'incomplete' | null {
  if (bytes.length > 0 && bytes[0] !== HANDSHAKE_RECORD) return null;
  if (bytes.length < 5) return 'incomplete';
  const length = 5 + bytes.readUInt16BE(3);
  if (length > MAX_BYTES) return null;
  if (bytes.length < length) return 'incomplete';
  try {
    return parse(new Reader(bytes.subarray(5, length)));
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function parse(message: Reader): ClientHello | null {
  if (message.number(1) !== CLIENT_HELLO) return null;
  const hello = message.vector(3);
  // The version and 32 random bytes.
  hello.take(34);
  hello.vector(1);
  hello.vector(2);
  hello.vector(1);
  const found = { serverName: '', protocols: [] as string[] };
  if (hello.isAtEnd) return found;
  for (const extensions = hello.vector(2); !extensions.isAtEnd; ) {
    const type = extensions.number(2);
    const content = extensions.vector(2);
    if (type === SERVER_NAME && !content.isAtEnd) found.serverName = readName(content.vector(2));
    if (type === ALPN) {
      for (const list = content.vector(2); !list.isAtEnd; )
        found.protocols.push(list.vector(1).rest().toString('latin1'));
    }
  }
  return found;
}

function readName(list: Reader): string {
  // The only type of name.
  if (list.number(1) !== 0) return '';
  return list.vector(2).rest().toString('latin1').toLowerCase();
}
