import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { ReadableSource } from '../../src/stream/readable-source.js';
import { releaseMemory } from '../../src/stream/release-memory.js';

describe('releaseMemory', () => {
  test('a chunk with memory of its own is empty afterwards', () => {
    const chunk = Buffer.allocUnsafeSlow(64 * 1024);
    releaseMemory(chunk);
    expect(chunk.length).toBe(0);
  });

  test('a chunk that shares its memory keeps it', () => {
    const whole = Buffer.alloc(64 * 1024, 'x');
    const part = whole.subarray(0, 32 * 1024);
    releaseMemory(part);
    expect(part.length).toBe(32 * 1024);
    expect(whole.toString('latin1')).toBe('x'.repeat(64 * 1024));
  });

  test('a small chunk is left to the garbage collector', () => {
    const chunk = Buffer.allocUnsafeSlow(100);
    releaseMemory(chunk);
    expect(chunk.length).toBe(100);
  });
});

describe('a source that releases its chunks', () => {
  const start = (stream: PassThrough): Buffer[] => {
    const chunks: Buffer[] = [];
    new ReadableSource(stream, { releaseChunks: true }).start({
      chunk(bytes, done) {
        chunks.push(bytes as Buffer);
        done();
      },
      end() {},
      fail() {},
    });
    return chunks;
  };

  test('frees what nobody else can hold', async () => {
    const stream = new PassThrough();
    const chunks = start(stream);
    const ended = new Promise((resolve) => stream.once('end', resolve));
    stream.end(Buffer.allocUnsafeSlow(64 * 1024));
    await ended;
    expect(chunks.map((chunk) => chunk.length)).toEqual([0]);
  });

  test('leaves chunks alone that another listener may have kept', async () => {
    const stream = new PassThrough();
    const kept: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => kept.push(chunk));
    start(stream);
    const ended = new Promise((resolve) => stream.once('end', resolve));
    stream.end(Buffer.alloc(64 * 1024, 'y'));
    await ended;
    expect(kept.map((chunk) => chunk.toString('latin1', 0, 2))).toEqual(['yy']);
  });
});
