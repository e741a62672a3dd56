import type { TestCertificate } from '../../support/certificates.js';
import type { RequestHead } from '../../support/message-head.js';
import { type OriginConnection, type RawOrigin, startOrigin } from '../../support/raw-origin.js';
import { type Answer, answerHonestly, formatHead, frame, type LabFile, type Reply, refuse } from './reply.js';

/** One request of a client, and how the origin server answers the upstream requests that it causes. */
export interface Download {
  file: LabFile;
  method: 'GET' | 'HEAD' | 'POST';
  /** Field lines of the client's request, without Host. */
  lines: readonly string[];
  /**
   * Whether a digest reveals wrong bytes at the end, after some of them have passed: then they count as wrong only if the
   * client does not see a failure.
   */
  isVerified: boolean;
  /** Its client pauses reading repeatedly. */
  isSlow: boolean;
  /** Returns the answer to a request. `honest` is the correct answer. */
  answer(honest: Reply, asked: Asked): Answer;
  /** What was drawn, for the messages of failed tests. */
  told: string;
}

/** A request, counted from 0 for each download, at the server itself (0) or one of its mirrors. */
interface Asked {
  attempt: number;
  site: number;
  request: RequestHead;
}

/** Delay between two bytes of content that trickles. */
const TRICKLE_MS = 50;

type Offered = Map<string, { download: Download; attempts: number }>;

/** An origin server with a file for each download, which fails as the download specifies. */
export class LabOrigin {
  readonly raw: RawOrigin;
  /** Other servers with the same files. */
  readonly mirrors: readonly RawOrigin[];
  readonly #offered: Offered;

  private constructor(raw: RawOrigin, mirrors: readonly RawOrigin[], offered: Offered) {
    this.raw = raw;
    this.mirrors = mirrors;
    this.#offered = offered;
  }

  static async start(certificate?: TestCertificate, mirrors = 0): Promise<LabOrigin> {
    const offered: Offered = new Map();
    const serve =
      (site: number) =>
      async (connection: OriginConnection): Promise<void> => {
        for (;;) {
          const { head } = await connection.readRequest();
          const offer = offered.get(head.target);
          if (offer === undefined) {
            await connection.write(formatHead(refuse(404)));
            await connection.write(refuse(404).content);
            continue;
          }
          const { download, attempts } = offer;
          offer.attempts += 1;
          const asked = { attempt: attempts, site, request: head };
          const answer = download.answer(answerHonestly(download.file, head), asked);
          if (answer === 'reset') return connection.reset();
          if (!(await send(connection, answer, head.method))) return;
        }
      };
    const options = certificate && { tls: certificate };
    const others = Array.from({ length: mirrors }, (_, index) => startOrigin(serve(1 + index), options));
    return new LabOrigin(await startOrigin(serve(0), options), await Promise.all(others), offered);
  }

  /** Number of open connections, including those to mirrors. */
  get open(): number {
    return [this.raw, ...this.mirrors].reduce((sum, { open }) => sum + open, 0);
  }

  async stop(): Promise<void> {
    for (const each of [this.raw, ...this.mirrors]) await each.stop();
  }

  /** Makes a download available. Returns the path of its file. */
  offer(download: Download): string {
    const path = `/file-${this.#offered.size}`;
    this.#offered.set(path, { download, attempts: 0 });
    return path;
  }
}

/** Sends an answer. Returns false if the connection cannot be used any more. */
async function send(connection: OriginConnection, reply: Reply, method: string): Promise<boolean> {
  void connection.write(formatHead(reply));
  const { cut } = reply;
  const bytes = method === 'HEAD' ? Buffer.alloc(0) : frame(reply).bytes;
  // Everything must be sent first: bytes that a reset overtakes would not be tested.
  await connection.write(cut === null ? bytes : bytes.subarray(0, cut.at));
  if (cut === null) {
    if (reply.framing !== 'close') return true;
    connection.end();
    return false;
  }
  if (cut.how === 'fin') connection.end();
  else if (cut.how === 'reset') connection.reset();
  else if (cut.how === 'unannounced') connection.tcp.end();
  else if (cut.how === 'garbage') await connection.write('\0\x01 this is no HTTP\r\n\r\n'.repeat(50));
  else if (cut.how === 'trickle') await trickle(connection, bytes.subarray(cut.at));
  if (cut.how !== 'reset') await connection.closed;
  return false;
}

async function trickle(connection: OriginConnection, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length && connection.ending === undefined; at += 1) {
    await connection.write(bytes.subarray(at, at + 1));
    await new Promise((resolve) => setTimeout(resolve, TRICKLE_MS));
  }
}
