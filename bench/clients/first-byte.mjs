// @ts-check
/**
 * Sequential requests over one connection: first-byte.mjs <port> <path> <requests> <requests to discard first>
 * Prints the milliseconds from each request to the first byte of its response, as JSON.
 */
import net from 'node:net';

const [port, path, requests, discard] = process.argv.slice(2);
const total = Number(requests) + Number(discard);
/** @type {number[]} */
const times = [];
let sentAt = 0;
let head = '';
let left = -1;

const socket = net.connect({ host: '127.0.0.1', port: Number(port), noDelay: true });

function send() {
  head = '';
  left = -1;
  sentAt = performance.now();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
}

/** @param {string} reason */
function fail(reason) {
  process.stderr.write(`${reason}\n`);
  process.exit(1);
}

socket.on('connect', send);
socket.on('error', (error) => fail(error.message));
socket.on('end', () => fail('the proxy closed the connection'));
socket.on('data', (chunk) => {
  if (head === '') times.push(performance.now() - sentAt);
  if (left < 0) {
    head += chunk.toString('latin1');
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    if (!head.startsWith('HTTP/1.1 200')) return fail(head.slice(0, head.indexOf('\r\n')));
    left = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1]) - (head.length - end - 4);
  } else {
    left -= chunk.length;
  }
  if (left > 0) return;
  if (times.length < total) return send();
  process.stdout.write(JSON.stringify(times.slice(Number(discard))));
  process.exit();
});
