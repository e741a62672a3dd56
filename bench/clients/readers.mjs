// @ts-check
/** Clients that read slowly, where there is no C compiler: arguments and output as readers.c. */
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const [port, path, count, rate, seconds, finish] = /** @type {[string, string, ...number[]]} */ (
  process.argv.slice(2).map((text, index) => (index === 1 ? text : Number(text)))
);
const tickMs = 50;
const slowBuffer = Buffer.allocUnsafe(Math.ceil(((rate ?? 0) * tickMs) / 1000));
const fastBuffer = Buffer.allocUnsafe(1 << 20);
let fast = false;
let failed = 0;

class Reader {
  head = '';
  headDone = false;
  expected = -1;
  received = 0;
  ended = false;

  constructor() {
    this.socket = net.connect({
      host: '127.0.0.1',
      port: Number(port),
      onread: {
        buffer: () => (fast ? fastBuffer : slowBuffer),
        // Between two ticks a slow reader takes no more than one buffer.
        callback: (length, chunk) => {
          this.take(Buffer.from(chunk.buffer, chunk.byteOffset, length));
          return fast;
        },
      },
    });
    this.socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      if (this.received !== this.expected && !this.ended) failed++;
      this.ended = true;
    });
  }

  /** @param {Buffer} chunk */
  take(chunk) {
    if (this.headDone) {
      this.received += chunk.length;
    } else {
      this.head += chunk.toString('latin1');
      const end = this.head.indexOf('\r\n\r\n');
      if (end < 0) return;
      if (!this.head.startsWith('HTTP/1.1 200')) return void this.socket.destroy();
      this.headDone = true;
      this.expected = Number(/\r\ncontent-length: *(\d+)/i.exec(this.head)?.[1] ?? -1);
      this.received = this.head.length - end - 4;
    }
    if (this.received === this.expected) this.socket.destroy();
  }
}

/** @type {Reader[]} */
const readers = [];
for (let i = 0; i < (count ?? 0); i++) {
  readers.push(new Reader());
  await sleep(2);
}
const deadline = performance.now() + (seconds ?? 0) * 1000;
for (let tick = performance.now(); tick < deadline; tick += tickMs) {
  for (const reader of readers) reader.socket.resume();
  await sleep(Math.max(0, tick + tickMs - performance.now()));
}
const sum = () => readers.reduce((total, reader) => total + reader.received, 0);
const slowBytes = sum();
const fastStarted = performance.now();
if (finish) {
  fast = true;
  const ended = readers.map((reader) => new Promise((resolve) => reader.socket.once('close', resolve)));
  for (const reader of readers) reader.socket.resume();
  await Promise.all(ended);
}
const fastSeconds = (performance.now() - fastStarted) / 1000;
process.stdout.write(
  `${JSON.stringify({ connections: count, failed, slowBytes, totalBytes: sum(), fastSeconds })}\n`,
);
process.exit();
