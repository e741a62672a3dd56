// @ts-check
/** What all Node peers have in common: the command line, and the server in front of the proxy. */
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    origin: { type: 'string', default: '' },
    port: { type: 'string', default: '' },
    ca: { type: 'string', default: '' },
    cert: { type: 'string' },
    key: { type: 'string' },
    'read-timeout': { type: 'string', default: '0' },
  },
});

export const origin = new URL(values.origin);
export const ca = readFileSync(values.ca);
export const tls =
  values.cert !== undefined && values.key !== undefined
    ? { cert: readFileSync(values.cert), key: readFileSync(values.key) }
    : undefined;
export const listenOptions = { host: '127.0.0.1', port: Number(values.port), backlog: 4096 };

/** How long the origin server may be silent; 0 for as long as the peer lets it by itself. */
export const readTimeoutMs = Number(values['read-timeout']);

export const serverOptions = {
  keepAliveTimeout: 3_600_000,
  requestTimeout: 0,
};

/** More than any workload has clients: a peer must never wait for a connection. */
export const maxConnections = 4096;

const agentOptions = {
  keepAlive: true,
  maxSockets: Infinity,
  maxFreeSockets: maxConnections,
  scheduling: /** @type {const} */ ('lifo'),
};

export const agent =
  origin.protocol === 'https:' ? new https.Agent({ ...agentOptions, ca }) : new http.Agent(agentOptions);

/** For undici: `connect` is what it passes to the socket. */
export const undiciOptions = {
  connections: maxConnections,
  pipelining: 1,
  keepAliveTimeout: 3_600_000,
  connect: { ca },
  ...(readTimeoutMs > 0 && { bodyTimeout: readTimeoutMs, headersTimeout: readTimeoutMs }),
};

/** @param {URL} url */
export const clientOf = (url) => (url.protocol === 'https:' ? https : http);

const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * A raw list of fields without those that are for one connection only.
 *
 * @param {readonly string[]} fields  names and values in turn
 */
export function endToEnd(fields) {
  /** @type {string[]} */
  const kept = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = /** @type {string} */ (fields[i]);
    if (!hopByHop.has(name.toLowerCase())) kept.push(name, /** @type {string} */ (fields[i + 1]));
  }
  return kept;
}

/** @param {http.IncomingMessage} request */
export const hasContent = ({ headers }) =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

/** @param {http.RequestListener} handle */
export function serve(handle) {
  const server = tls
    ? https.createServer({ ...serverOptions, ...tls }, handle)
    : http.createServer(serverOptions, handle);
  server.listen(listenOptions);
}
