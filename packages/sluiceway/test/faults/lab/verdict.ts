import { RequestHead } from '../../support/message-head.js';
import { openClient, type RawClient } from '../../support/raw-client.js';
import type { Download, LabOrigin } from './origin.js';
import { answerHonestly } from './reply.js';

/**
 * The result for a client, by the bytes that it saw. `whole`: every byte is correct, and the end is clean. `broken`: a
 * failure that it can see. `SPLICED`: bytes that are not the file's. `SHORT`: a clean end of incomplete content. `hang`:
 * no end.
 */
export type Verdict = 'whole' | 'broken' | 'SPLICED' | 'SHORT' | 'hang';

/** How a slow client reads. */
const PAUSE_EVERY_BYTES = 500_000;
const PAUSE_MS = 30;

/** Downloads through the proxy on `port`. After `limitMs`, the download counts as hanging. */
export async function judge(
  origin: LabOrigin,
  port: number,
  download: Download,
  limitMs: number,
): Promise<Verdict> {
  const path = origin.offer(download);
  const request = `${download.method} ${path} HTTP/1.1\r\nHost: localhost\r\n${download.lines.map((line) => `${line}\r\n`).join('')}\r\n`;
  const client = await openClient(port);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const hang = new Promise<Verdict>((resolve) => {
    timer = setTimeout(() => resolve('hang'), limitMs);
  });
  try {
    await client.send(request);
    return await Promise.race([hang, read(client, download, request)]);
  } finally {
    clearTimeout(timer);
    client.close();
  }
}

async function read(client: RawClient, download: Download, request: string): Promise<Verdict> {
  const right = answerHonestly(download.file, new RequestHead(request));
  const content = download.method === 'HEAD' ? Buffer.alloc(0) : right.content;
  let received = 0;
  let pausedAt = 0;
  let isRight = true;
  let complete = false;
  try {
    const head = await client.readHead();
    if (head.status !== right.status) return head.status >= 400 ? 'broken' : 'SPLICED';
    ({ complete } = await client.readContent(head, {
      method: download.method,
      onContent: (bytes) => {
        isRight &&= content.subarray(received, received + bytes.length).equals(bytes);
        received += bytes.length;
        if (download.isSlow && received - pausedAt > PAUSE_EVERY_BYTES) {
          pausedAt = received;
          client.pause();
          setTimeout(() => client.resume(), PAUSE_MS);
        }
      },
    }));
  } catch {
    // The connection has ended, or its framing is invalid. The client can see both.
  }
  if (!isRight) return complete || !download.isVerified ? 'SPLICED' : 'broken';
  if (!complete) return 'broken';
  return received === content.length ? 'whole' : 'SHORT';
}
