import { connect, createServer, type Server, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import type { Dice } from '../../support/dice.js';
import type { Network } from '../../support/fixture.js';
import { until } from '../../support/until.js';

/** What happens to connections to a server. */
export type Mode = 'pass' | 'silent' | 'trickle' | { resets: Dice };

/** A trickling server sends this much in a hundredth of a second: 10 KB/s. */
const TRICKLE_BYTES = 100;

/** Resets come after this many bytes at the latest, so that most responses are hit. */
const RESET_WITHIN = 200_000;

/** A TCP relay in front of a server, which breaks its connections. It works for every protocol. */
export class Gate {
  mode: Mode = 'pass';
  readonly #to: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  port = 0;

  constructor(to: number) {
    this.#to = to;
  }

  /** Listens, on the same port as before if it has listened. */
  async open(): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, '127.0.0.1', resolve);
    });
    const address = server.address();
    if (typeof address === 'object' && address !== null) this.port = address.port;
  }

  /** Resets all connections. New ones are refused. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    const closed = new Promise((resolve) => server?.close(resolve));
    for (const socket of this.#sockets) socket.resetAndDestroy();
    if (server !== null) await closed;
  }

  #accept(socket: Socket): void {
    this.#keep(socket);
    if (this.mode === 'silent') {
      socket.resume();
      return;
    }
    const inner = connect(this.#to, '127.0.0.1');
    this.#keep(inner);
    socket.on('close', () => inner.destroy());
    inner.on('close', () => socket.destroy());
    socket.pipe(inner);
    if (this.mode === 'pass') inner.pipe(socket);
    else if (this.mode === 'trickle') trickle(inner, socket);
    else resetAfter(this.mode.resets.roll(RESET_WITHIN), inner, socket);
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
  }
}

function resetAfter(bytes: number, from: Socket, to: Socket): void {
  let left = bytes;
  from.on('data', (data: Buffer) => {
    const part = data.subarray(0, left);
    left -= part.length;
    if (left > 0) {
      if (!to.write(part)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
      return;
    }
    from.pause();
    // A reset can overtake bytes that were written before it. Those bytes are part of the fault.
    to.write(part, () => to.resetAndDestroy());
  });
}

function trickle(from: Socket, to: Socket): void {
  const timer = setInterval(() => {
    const data = (from.read(TRICKLE_BYTES) ?? from.read()) as Buffer | null;
    if (data !== null) to.write(data);
  }, 10);
  to.on('close', () => clearInterval(timer));
}

/**
 * A port whose connections are never accepted, and whose backlog is full, so that a further connection gets no answer. It
 * needs no privilege: a thread listens and then blocks.
 */
export async function blackHole(net: Network): Promise<number> {
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    const server = require('node:net').createServer();
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      parentPort.postMessage(server.address().port);
      setImmediate(() => { Atomics.wait(workerData, 0, 0); process.exit(); });
    });`;
  const worker = new Worker(code, { eval: true, workerData: gate });
  const port = await new Promise<number>((resolve) => worker.once('message', resolve));
  const fill: Socket[] = [];
  net.cleanup(async () => {
    for (const socket of fill) socket.destroy();
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    await worker.terminate();
  });
  const isFull = async (): Promise<boolean> => {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    fill.push(socket);
    return !(await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      setTimeout(resolve, 200, false);
    }));
  };
  await until(isFull, 'the backlog was full');
  return port;
}
