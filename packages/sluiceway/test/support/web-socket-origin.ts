import { createHash } from 'node:crypto';
import type { OriginConnection, OriginScript } from './raw-origin.js';

/** The `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key` (RFC 6455 section 4.2.2). */
export const acceptFor = (key: string | undefined): string =>
  createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');

/** The head with which a server opens a WebSocket for that key. */
export const switching = (key: string | undefined, lines: readonly string[] = []): string =>
  [
    'HTTP/1.1 101 Switching Protocols',
    'Connection: Upgrade',
    'Upgrade: websocket',
    `Sec-WebSocket-Accept: ${acceptFor(key)}`,
    ...lines,
    '',
    '',
  ].join('\r\n');

/** Opens a WebSocket, then runs `then`. */
export const opening =
  (then: (connection: OriginConnection) => unknown): OriginScript =>
  async (connection) => {
    const head = await connection.readHead();
    await connection.write(switching(head.get('sec-websocket-key')));
    await then(connection);
  };
