/** A field line. The name is as sent; each character of the value is one byte. */
export type FieldLine = readonly [name: string, value: string];

/** RFC 7541 Appendix A: index 1 comes first. */
const STATIC_TABLE: readonly FieldLine[] = `
:authority|:method GET|:method POST|:path /|:path /index.html|:scheme http|:scheme https|:status 200|:status 204
:status 206|:status 304|:status 400|:status 404|:status 500|accept-charset|accept-encoding gzip, deflate
accept-language|accept-ranges|accept|access-control-allow-origin|age|allow|authorization|cache-control
content-disposition|content-encoding|content-language|content-length|content-location|content-range|content-type
cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|if-none-match|if-range|if-unmodified-since
last-modified|link|location|max-forwards|proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after
server|set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate`
  .trim()
  .split(/[|\n]/)
  .map((entry) => [entry.split(' ')[0] as string, entry.split(' ').slice(1).join(' ')]);

/** RFC 7541 Appendix B: the length in bits of the code of each byte. The code is canonical, so the lengths define it. */
const CODE_LENGTHS: readonly number[] = `
13 23 28 28 28 28 28 28 28 24 30 28 28 30 28 28 28 28 28 28 28 28 30 28 28 28 28 28 28 28 28 28
6 10 10 12 13 6 8 11 10 10 8 11 8 6 6 6 5 5 5 6 6 6 6 6 6 6 7 8 15 6 12 10 13 6 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7
7 7 8 7 8 13 19 13 14 6 15 5 6 5 6 5 6 6 6 5 7 7 6 6 6 5 6 7 6 5 5 6 7 7 7 7 7 15 11 14 13 28
20 22 20 20 22 22 22 23 22 23 23 23 23 23 24 23 24 24 22 23 24 23 23 23 23 21 22 23 22 23 23 24
22 21 20 22 22 23 23 21 23 22 22 24 21 22 23 23 21 21 22 21 23 22 23 23 20 22 22 22 23 22 22 23
26 26 20 19 22 23 22 25 26 26 26 27 27 26 24 25 19 21 26 27 27 26 27 24 21 21 26 26 28 27 27 27
20 24 20 21 22 21 21 23 22 22 25 25 24 24 26 23 26 27 26 26 27 27 27 27 27 28 27 27 27 27 27 26`
  .trim()
  .split(/\s/)
  .map(Number);

const CODES = assignCodes();

function assignCodes(): Map<string, number> {
  const codes = new Map<string, number>();
  let code = 0;
  for (let length = 1; length <= 30; length += 1) {
    for (const [byte, each] of CODE_LENGTHS.entries()) {
      if (each !== length) continue;
      codes.set(code.toString(2).padStart(length, '0'), byte);
      code += 1;
    }
    code *= 2;
  }
  return codes;
}

function decodeHuffman(bytes: Buffer): string {
  let text = '';
  let code = '';
  for (const byte of bytes) {
    for (const bit of byte.toString(2).padStart(8, '0')) {
      code += bit;
      const decoded = CODES.get(code);
      if (decoded === undefined) continue;
      text += String.fromCharCode(decoded);
      code = '';
    }
  }
  if (code.length > 7 || code.includes('0')) throw new Error(`Padding of a Huffman string: ${code}`);
  return text;
}

/** The decoder of one direction of a connection (RFC 7541). Its dynamic table has the initial size of the protocol. */
export class FieldDecoder {
  /** The newest entry first. */
  readonly #table: FieldLine[] = [];
  #limit = 4096;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  /** Decodes a field block. */
  decode(block: Buffer): FieldLine[] {
    this.#block = block;
    this.#at = 0;
    const lines: FieldLine[] = [];
    while (this.#at < block.length) {
      const first = this.#block[this.#at] as number;
      if (first >= 0x80) {
        lines.push(this.#entry(this.#integer(7)));
      } else if (first >= 0x40) {
        const line = this.#literal(6);
        lines.push(line);
        this.#table.unshift(line);
        this.#evict();
      } else if (first >= 0x20) {
        this.#limit = this.#integer(5);
        this.#evict();
      } else {
        lines.push(this.#literal(4));
      }
    }
    return lines;
  }

  #literal(prefixBits: number): FieldLine {
    const index = this.#integer(prefixBits);
    const name = index === 0 ? this.#string() : this.#entry(index)[0];
    return [name, this.#string()];
  }

  #entry(index: number): FieldLine {
    const entry = STATIC_TABLE[index - 1] ?? this.#table[index - 1 - STATIC_TABLE.length];
    if (entry === undefined) throw new Error(`No entry ${index} in the field tables`);
    return entry;
  }

  #integer(prefixBits: number): number {
    const mask = 2 ** prefixBits - 1;
    let value = (this.#block[this.#at] as number) & mask;
    this.#at += 1;
    if (value < mask) return value;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#block[this.#at] as number;
      this.#at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  #string(): string {
    const isHuffman = (this.#block[this.#at] as number) >= 0x80;
    const length = this.#integer(7);
    const bytes = this.#block.subarray(this.#at, this.#at + length);
    this.#at += length;
    return isHuffman ? decodeHuffman(bytes) : bytes.toString('latin1');
  }

  #evict(): void {
    let size = 0;
    for (const [index, [name, value]] of this.#table.entries()) {
      size += name.length + value.length + 32;
      if (size > this.#limit) {
        this.#table.length = index;
        return;
      }
    }
  }
}

function encodeString(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) length.push((rest % 0x80) + 0x80);
  length.push(rest);
  return Buffer.concat([Buffer.from(length), bytes]);
}

/** Encodes a field block of literals without indexing. Accepts any lines, valid or not, and keeps no state. */
export function encodeFields(lines: readonly FieldLine[]): Buffer {
  const parts = lines.flatMap(([name, value]) => [Buffer.from([0]), encodeString(name), encodeString(value)]);
  return Buffer.concat(parts);
}
