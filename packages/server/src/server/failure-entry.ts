import type { ConnectionFailure } from '../listeners/connection-failure.js';
import type { LogEntry } from '../log/entry.js';

const SAYS: Readonly<Record<ConnectionFailure['kind'], string>> = {
  accept: 'a connection was not accepted',
  proxy_protocol: 'a connection was not accepted',
  tls: 'a TLS handshake failed',
  http1: 'a request could not be read',
  http2: 'an HTTP/2 connection failed',
};

/** Scanners and browsers that open connections in advance cause these all the time. */
const USUAL: ReadonlySet<string> = new Set(['ECONNRESET', 'ERR_HTTP_REQUEST_TIMEOUT']);

/** The entry for a failed connection. */
export const toEntry = ({ kind, message, code, clientAddress }: ConnectionFailure): LogEntry => ({
  level: kind === 'accept' ? 'error' : USUAL.has(code) ? 'info' : 'warn',
  event: kind,
  message: `${SAYS[kind]}: ${message}`,
  code,
  clientAddress,
});
