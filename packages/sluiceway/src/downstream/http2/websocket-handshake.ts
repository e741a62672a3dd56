import { createHash, randomBytes } from 'node:crypto';

/** RFC 6455 section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** A fresh `Sec-WebSocket-Key`: HTTP/2 clients have none (RFC 8441 section 5). */
export const createKey = (): string => randomBytes(16).toString('base64');

/** What a server that has understood that key answers in `Sec-WebSocket-Accept`. */
export const acceptKey = (key: string): string =>
  createHash('sha1').update(key).update(GUID).digest('base64');
