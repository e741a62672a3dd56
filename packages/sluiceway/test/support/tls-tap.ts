import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

const ALERT = 21;
const HEADER_BYTES = 5;

/**
 * Sits between a TCP socket and TLS and inspects the records that arrive. Node reports every end of a TLS connection in
 * the same way. Only the records show whether the peer announced the end (close_notify, RFC 8446 section 6.1) or was cut
 * off. TLS 1.3 disguises alerts as data, so this needs TLS 1.2.
 */
export class TlsTap extends Duplex {
  readonly tcp: Socket;
  #lastType = 0;
  #header: number[] = [];
  #skip = 0;

  constructor(tcp: Socket) {
    super({ allowHalfOpen: true });
    this.tcp = tcp;
    tcp.on('data', (bytes: Buffer) => {
      this.#scan(bytes);
      if (!this.push(bytes)) tcp.pause();
    });
    tcp.on('end', () => this.push(null));
    tcp.on('error', (error) => this.destroy(error));
    tcp.on('close', () => this.destroy());
  }

  /** Whether the last record that arrived was an alert. */
  get sawCloseNotify(): boolean {
    return this.#lastType === ALERT;
  }

  #scan(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, bytes.length - at);
        this.#skip -= skipped;
        at += skipped;
        continue;
      }
      this.#header.push(bytes[at] as number);
      at += 1;
      if (this.#header.length < HEADER_BYTES) continue;
      const [type, , , high, low] = this.#header as [number, number, number, number, number];
      this.#lastType = type;
      this.#skip = high * 256 + low;
      this.#header = [];
    }
  }

  override _read(): void {
    this.tcp.resume();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.tcp.write(bytes, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.tcp.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.tcp.destroy();
    done(error);
  }
}
