// @ts-check
import { once } from 'node:events';
import net from 'node:net';

/** What one direction of a connection may hold: more than any window that is tested through it. */
const MAX_HELD_BYTES = 64 * 1024 * 1024;

/**
 * One direction: every byte comes out `delayMs` after it came in, or later where more comes than the path carries.
 *
 * @param {net.Socket} from
 * @param {net.Socket} to
 * @param {number} delayMs
 * @param {number} bytesPerSecond
 */
function delay(from, to, delayMs, bytesPerSecond) {
  /** @type {{ due: number, chunk: Buffer | null }[]} */
  const line = [];
  let next = 0;
  let held = 0;
  let isWaiting = false;
  let freeAt = 0;

  const release = () => {
    isWaiting = false;
    const now = performance.now();
    to.cork();
    for (let first = line[next]; first !== undefined && first.due <= now; first = line[next]) {
      next += 1;
      if (first.chunk === null) {
        to.end();
        continue;
      }
      const { length } = first.chunk;
      to.write(first.chunk, () => {
        held -= length;
        if (held < MAX_HELD_BYTES) from.resume();
      });
    }
    to.uncork();
    if (next > 1000 || next === line.length) {
      line.splice(0, next);
      next = 0;
    }
    wait();
  };
  const wait = () => {
    const first = line[next];
    if (isWaiting || first === undefined) return;
    isWaiting = true;
    setTimeout(release, Math.max(0, first.due - performance.now()));
  };
  /** @param {Buffer | null} chunk */
  const put = (chunk) => {
    freeAt = Math.max(freeAt, performance.now()) + ((chunk?.length ?? 0) / bytesPerSecond) * 1000;
    line.push({ due: freeAt + delayMs, chunk });
    wait();
  };
  from.on('data', (/** @type {Buffer} */ chunk) => {
    held += chunk.length;
    if (held >= MAX_HELD_BYTES) from.pause();
    put(chunk);
  });
  from.on('end', () => put(null));
  from.on('error', () => to.destroy());
  from.on('close', () => setTimeout(() => to.destroy(), delayMs));
}

/**
 * A path with a round trip of twice `delayMs`, in user space: a TCP relay on a free loopback port to another one.
 *
 * @param {number} port where it leads to
 * @param {number} delayMs each way
 * @param {number} [bytesPerSecond] each way and connection; default unlimited
 * @returns {Promise<{ port: number, stop: () => Promise<void> }>}
 */
export async function startDelayRelay(port, delayMs, bytesPerSecond = Number.POSITIVE_INFINITY) {
  /** @type {Set<net.Socket>} */
  const sockets = new Set();
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    }
    delay(near, far, delayMs, bytesPerSecond);
    delay(far, near, delayMs, bytesPerSecond);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: /** @type {net.AddressInfo} */ (server.address()).port,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
