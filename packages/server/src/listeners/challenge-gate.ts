import type { Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { readClientHello } from './client-hello.js';

/** The protocol of a connection by which an authority validates a name (RFC 8737 section 3). */
const ACME_TLS = 'acme-tls/1';

/** As for a TLS handshake in Node. */
const TIMEOUT_MS = 120_000;

/** A certificate that answers a challenge. */
export interface ChallengeCertificate {
  /** In PEM. */
  cert: string;
  key: string;
}

/** Returns the certificate for a name; null if no challenge waits for it. */
export type AnswerTlsChallenge = (name: string) => ChallengeCertificate | null;

/** Answers challenges over TLS (TLS-ALPN-01), and passes every other connection on, with all of its bytes. */
export class ChallengeGate {
  readonly #pass: (socket: Socket) => void;
  /** The connections that are not passed on. */
  readonly #held = new Set<Socket>();

  constructor(pass: (socket: Socket) => void) {
    this.#pass = pass;
  }

  get size(): number {
    return this.#held.size;
  }

  take(socket: Socket, answer: AnswerTlsChallenge): void {
    let received = Buffer.alloc(0);
    const leave = (): void => {
      clearTimeout(timer);
      this.#held.delete(socket);
      socket.off('readable', onReadable).off('end', close).off('close', leave).off('error', ignoreError);
    };
    const close = (): void => {
      leave();
      socket.destroy();
    };
    const onReadable = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      received = Buffer.concat([received, chunk]);
      const hello = readClientHello(received);
      if (hello === 'incomplete') return;
      leave();
      socket.unshift(received);
      if (hello?.protocols.includes(ACME_TLS) === true) this.#answer(socket, answer(hello.serverName));
      else this.#pass(socket);
    };
    const timer = setTimeout(close, TIMEOUT_MS);
    this.#held.add(socket);
    socket.on('readable', onReadable).on('end', close).on('close', leave).on('error', ignoreError);
  }

  destroy(): void {
    for (const socket of this.#held) socket.destroy();
  }

  #answer(socket: Socket, certificate: ChallengeCertificate | null): void {
    socket.on('error', ignoreError);
    if (certificate === null) {
      socket.destroy();
      return;
    }
    this.#held.add(socket);
    socket.once('close', () => this.#held.delete(socket));
    const secured = new TLSSocket(socket, {
      isServer: true,
      secureContext: createSecureContext(certificate),
      ALPNProtocols: [ACME_TLS],
    });
    secured.on('error', () => socket.destroy());
    // The authority has seen the certificate then, and sends nothing (RFC 8737 section 3).
    secured.once('secure', () => secured.end());
    socket.setTimeout(10_000, () => socket.destroy());
  }
}

const ignoreError = (): void => {};
