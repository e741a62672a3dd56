import { createHash, randomBytes } from 'node:crypto';

/** RFC 6455 section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Creates a `Sec-WebSocket-Key`: HTTP/2 clients do not send one (RFC 8441 section 5). */
export const createKey = (): string => randomBytes(16).toString('base64');

/** The `Sec-WebSocket-Accept` for that key. */
export const acceptKey = (key: string): string =>
  createHash('sha1').update(key).update(GUID).digest('base64');
