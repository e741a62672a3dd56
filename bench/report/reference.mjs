// @ts-check
/**
 * Reference figures: each peer's result divided by buffered nginx's, smallest and largest, as measured when the
 * peers were last configured by hand (2 cores, Node 20, nginx 1.22, HAProxy 2.6, Go 1.19). A peer that does much
 * worse than here is misconfigured, not beaten.
 *
 * @type {Record<string, Record<string, readonly [number, number]>>}
 */
export const reference = {
  download: {
    // With nginx's default buffers of one page; with those of 64 KiB it does as well as buffered.
    'nginx-unbuffered': [3.05, 3.05],
    haproxy: [0.87, 0.87],
    go: [1.7, 2.2],
    'http-proxy-3': [4.1, 6.2],
    httpxy: [4.1, 6.2],
    'fastify-http-proxy': [4.1, 6.2],
    'undici-request': [4.4, 4.9],
    'undici-dispatch': [4.4, 4.9],
  },
  'download-https-origin': {
    'http-proxy-3': [2.6, 3.2],
    httpxy: [2.6, 3.2],
    'fastify-http-proxy': [2.6, 3.2],
    'undici-request': [2.6, 3.2],
    'undici-dispatch': [2.6, 3.2],
  },
  'download-https-client': {
    'http-proxy-3': [2, 2],
    httpxy: [2, 2],
    'fastify-http-proxy': [2, 2],
    'undici-request': [2, 2],
    'undici-dispatch': [2, 2],
  },
  upload: {
    'http-proxy-3': [3.9, 4.7],
    httpxy: [3.9, 4.7],
    'fastify-http-proxy': [3.9, 4.7],
    'undici-request': [3.9, 4.7],
    'undici-dispatch': [3.9, 4.7],
  },
  small: {
    haproxy: [1.16, 1.16],
    'http-proxy-3': [0.22, 0.22],
    httpxy: [0.17, 0.22],
    'fastify-http-proxy': [0.23, 0.23],
    'undici-request': [0.17, 0.17],
    'undici-dispatch': [0.34, 0.34],
  },
};

/** How much worse than its reference a peer may do before the report doubts its configuration. */
const tolerance = 1.35;

/**
 * @param {number} ratio
 * @param {readonly [number, number]} range
 * @param {'lower' | 'higher'} better
 */
export function isDoubtful(ratio, [low, high], better) {
  return better === 'lower' ? ratio > high * tolerance : ratio < low / tolerance;
}
