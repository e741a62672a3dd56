import { expect } from 'vitest';
import { SluicewayError } from '../../src/errors.js';
import { ChunkedReader } from '../../src/upstream/wire/chunked-reader.js';

/** Limits of a trailer section. */
export const LIMITS = { maxBytes: 1024, maxFields: 8 };

export interface Decoded {
  content: string;
  trailers: readonly string[] | null;
  complete: boolean;
  /** Bytes that belong to the message. */
  length: number;
}

/**
 * Decodes as a connection does: each piece is read into the same block after the unread bytes, and content that the
 * reader moves must stay within the piece.
 */
export function decode(
  wire: string | Buffer,
  cuts: readonly number[] = [],
  limits = LIMITS,
): Decoded | string {
  const source = typeof wire === 'string' ? Buffer.from(wire, 'latin1') : wire;
  const reader = new ChunkedReader(limits);
  const parts: Buffer[] = [];
  let start = 0;
  try {
    for (const end of [...cuts, source.length]) {
      if (reader.complete || end === start) continue;
      const block = Buffer.from(source);
      const position = reader.read(block, start, end);
      const { contentStart, contentEnd } = reader;
      expect(start <= contentStart && contentStart <= contentEnd && contentEnd <= position).toBe(true);
      // Nothing before the first content byte or after this piece must be written to.
      expect(block.compare(source, 0, contentStart, 0, contentStart)).toBe(0);
      expect(block.compare(source, end, source.length, end, source.length)).toBe(0);
      parts.push(block.subarray(contentStart, contentEnd));
      if (!reader.complete) expect(position).toBe(end);
      start = position;
    }
  } catch (error) {
    if (error instanceof SluicewayError) return `${error.code} ${error.outcome}`;
    throw error;
  }
  const content = Buffer.concat(parts);
  expect(reader.received).toBe(content.length);
  const trailers = reader.trailers === null ? null : [...reader.trailers.raw];
  return { content: content.toString('latin1'), trailers, complete: reader.complete, length: start };
}

/** The result of decoding a complete message. */
export const complete = (content: string, length: number, trailers: string[] | null = null): Decoded => ({
  content,
  trailers,
  complete: true,
  length,
});
