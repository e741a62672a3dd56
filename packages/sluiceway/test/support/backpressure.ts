import { isSeeded, seededViews } from './content.js';
import type { Gate } from './gate.js';
import type { RawClient } from './raw-client.js';
import type { OriginScript } from './raw-origin.js';
import { sized } from './through.js';
import { until } from './until.js';

/** Returns the count once it has stopped growing. */
export async function standstill(count: () => number): Promise<number> {
  let before = -1;
  let since = 0;
  await until(() => {
    if (count() !== before || before === 0) since = Date.now();
    before = count();
    return Date.now() - since > 100;
  }, 'backpressure was there');
  return before;
}

/** An origin server that sends seeded content as fast as the peer reads it. */
export const sendsSeeded =
  (size: number): OriginScript =>
  async (connection) => {
    await connection.readHead();
    await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    await connection.writeSeeded('backpressure', 0, size);
  };

/** Reads the whole response of `sendsSeeded`. Returns how many bytes of it were correct. */
export async function readSeeded(client: RawClient): Promise<number> {
  const head = await client.readHead();
  let at = 0;
  await client.readContent(head, { onContent: checkSeeded((bytes) => (at += bytes)) });
  return at;
}

/** An origin server that does not read an upload until the gate opens, and answers with the number of correct bytes. */
export const takesSeededLater =
  (size: number, goOn: Gate): OriginScript =>
  async (connection) => {
    await connection.readHead();
    connection.pause();
    await goOn.opened;
    connection.resume();
    let at = 0;
    await connection.take(
      size,
      checkSeeded((bytes) => (at += bytes)),
    );
    await connection.write(sized(String(at)));
    await connection.readAll();
  };

/** Uploads seeded content. Counts the bytes that the client's kernel has taken. */
export function uploadSeeded(client: RawClient, size: number): { sent: number } {
  const count = { sent: 0 };
  void (async () => {
    await client.send(`PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: ${size}\r\n\r\n`);
    for (const view of seededViews('backpressure', 0, size)) {
      await client.send(view);
      count.sent += view.length;
    }
  })().catch(() => {});
  return count;
}

/** Throws at the first wrong byte. */
function checkSeeded(onBytes: (length: number) => void): (bytes: Buffer) => void {
  let at = 0;
  return (bytes) => {
    if (!isSeeded('backpressure', at, bytes)) throw new Error(`Wrong bytes at ${at}`);
    at += bytes.length;
    onBytes(bytes.length);
  };
}
