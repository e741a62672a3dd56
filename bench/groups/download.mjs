// @ts-check
import { Agent, request } from 'node:http';
import { contentAt } from './content.mjs';

/**
 * @typedef {object} Download
 * @property {boolean} isExact  the status is 200, and every byte arrived and is right
 * @property {boolean} isWrong  a byte is wrong, or the response ended as if it were whole
 * @property {boolean} isLate  it was given up after the time limit
 * @property {number} ms
 * @property {string} server  the one that sent the head
 */

const agent = new Agent({ keepAlive: true });

/**
 * Downloads a file through a proxy, and compares every byte.
 *
 * @param {number} port
 * @param {number} size
 * @param {number} limitMs  it is given up then
 * @returns {Promise<Download>}
 */
export function download(port, size, limitMs) {
  const startedAt = performance.now();
  return new Promise((resolve) => {
    let at = 0;
    let isWrong = false;
    let isLate = false;
    let server = '';
    /** @param {boolean} isWhole */
    const end = (isWhole) => {
      clearTimeout(timer);
      const isExact = isWhole && at === size && !isWrong;
      resolve({
        isExact,
        isWrong: isWrong || (isWhole && at !== size),
        isLate,
        ms: performance.now() - startedAt,
        server,
      });
    };
    const sent = request({ agent, host: '127.0.0.1', port, path: `/file?size=${size}` }, (response) => {
      server = String(response.headers['x-server']);
      const isOk = response.statusCode === 200;
      response.on('data', (/** @type {Buffer} */ part) => {
        for (let from = 0; from < part.length; from += 2 ** 20) {
          const piece = part.subarray(from, from + 2 ** 20);
          if (isOk && piece.compare(contentAt(at, piece.length)) !== 0) isWrong = true;
          at += piece.length;
        }
      });
      response.on('error', () => {});
      response.on('close', () => {
        if (!isOk) at = -1;
        end(isOk && response.complete);
      });
    });
    const timer = setTimeout(() => {
      isLate = true;
      sent.destroy();
    }, limitMs);
    sent.on('error', () => end(false));
    sent.end();
  });
}

/**
 * Downloads several times, a few at a time.
 *
 * @param {number} count
 * @param {number} atATime
 * @param {() => Promise<Download>} run
 */
export async function repeat(count, atATime, run) {
  /** @type {Download[]} */
  const done = [];
  let left = count;
  const work = async () => {
    while (left > 0) {
      left -= 1;
      done.push(await run());
    }
  };
  await Promise.all(Array.from({ length: atATime }, work));
  return done;
}
