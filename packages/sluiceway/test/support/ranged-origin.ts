import type { RequestHead } from './message-head.js';
import type { OriginConnection, OriginScript } from './raw-origin.js';

/** A request for the file, and its range. */
export interface FileRequest {
  /** 0 for the first request to this origin server. */
  index: number;
  head: RequestHead;
  connection: OriginConnection;
  /** Position of the first requested byte, and position after the last one. */
  first: number;
  end: number;
  isRange: boolean;
}

/** How one request is answered: how many content bytes are sent, and what happens then. */
export interface Delivery {
  /** Number of content bytes to send. If there are fewer, all are sent. */
  bytes: number;
  ending: 'end' | 'reset' | 'stall';
  fields?: readonly string[];
}

/**
 * An origin server with one file that supports single ranges, and breaks off as specified. A `Buffer` is sent as the
 * whole response. A promise answers itself, on `connection`.
 */
export function rangedOrigin(
  file: Buffer,
  decide: (request: FileRequest) => Delivery | 'whole' | Buffer | Promise<void>,
  fields: readonly string[] = ['ETag: "v1"'],
): OriginScript {
  let requests = 0;
  return async (connection) => {
    for (;;) {
      const head = await connection.readHead();
      const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(head.get('range') ?? '') ?? [];
      const isRange = from !== undefined;
      const first = isRange ? Number(from) : 0;
      const end = to === undefined || to === '' ? file.length : Math.min(file.length, Number(to) + 1);
      const request: FileRequest = { index: requests, head, connection, first, end, isRange };
      requests += 1;
      const decided = decide(request);
      if (decided instanceof Promise) {
        await decided;
        continue;
      }
      if (Buffer.isBuffer(decided)) {
        await connection.write(decided);
        continue;
      }
      const delivery: Delivery =
        decided === 'whole' ? { bytes: Number.POSITIVE_INFINITY, ending: 'end' } : decided;
      const isWhole = delivery.bytes >= end - first;
      const lines = [
        isRange ? 'HTTP/1.1 206 Partial Content' : 'HTTP/1.1 200 OK',
        ...(delivery.fields ?? fields),
        ...(isRange ? [`Content-Range: bytes ${first}-${end - 1}/${file.length}`] : []),
        `Content-Length: ${end - first}`,
      ];
      await connection.write(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'));
      await connection.write(file.subarray(first, Math.min(end, first + delivery.bytes)));
      if (isWhole) continue;
      if (delivery.ending === 'end') connection.end();
      if (delivery.ending === 'reset') connection.reset();
      return;
    }
  };
}
