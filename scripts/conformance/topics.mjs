// Where in the page a test file stands. Of the topics that fit, the last one is taken.

/**
 * @typedef {object} Topic
 * @property {string} heading
 * @property {RegExp} files Matched against the path of a test file below `packages/`.
 */

/** @type {readonly Topic[]} In the order of the page. */
const topics = [
  {
    heading: 'The request that the origin server gets',
    files: /request-target|upstream-request|prefix|mount|7\.2-host/,
  },
  {
    heading: 'Fields',
    files:
      /field|hop-by-hop|forwarded|\/via|cdn-loop|client-ip|trusted|cookie|location|destination|early-data|max-forwards/,
  },
  {
    heading: 'Responses',
    files: /-status|contentless|response-fields|garbage-head|says-too-much|http10|no-transform/,
  },
  { heading: 'Trailers', files: /trailers/ },
  { heading: 'Interim responses and expectations', files: /interim|expect/ },
  {
    heading: 'Content and how it moves',
    files: /streaming|relay|upload|early-response|slow|transform|content-digest|middleware|own-server/,
  },
  { heading: 'Digests', files: /digest|verified/ },
  {
    heading: 'Message syntax and framing',
    files: /framing|response-length|chunk|persistence|keep-alive|pipelin|client-lies/,
  },
  {
    heading: 'Ranges and conditional requests',
    files: /range|conditional|rfc9110-1[34]/,
  },
  {
    heading: 'Failures',
    files:
      /breaks-off|hangs-up|unreachable|stops-reading|client-leaves|error-answers|errors-throw|chaos|failure|laboratory/,
  },
  { heading: 'Hooks and observers', files: /hooks-(?!on-upstream-request)|observers/ },
  { heading: 'Access', files: /\/(cli-)?access|client-key/ },
  { heading: 'Upgrades and tunnels', files: /upgrade|web-?socket|tunnel|8441/ },
  {
    heading: 'Timeouts, limits and stopping',
    files: /timeout|limit|silent|idle|busy|drain|shutdown|stop\b|slow-loris|min-rate/,
  },
  { heading: 'Files of others', files: /stream-from|address/ },
  { heading: 'Links', files: /\/unit\/links?-/ },
  { heading: 'The download gateway', files: /\/gateway\// },
  { heading: 'Where URLs of others may lead', files: /gateway\/(?:hostile-urls|redirects|names)|\/guard/ },
  { heading: 'The way to the origin server', files: /egress|undici|dialer|tls-origin|\/wire-|pool/ },
  { heading: 'HTTP/2', files: /h2|http2|9113|window-/ },
  { heading: 'In frameworks', files: /\/adapters\/|handle-context/ },
  { heading: 'The usual mistakes', files: /mistakes/ },
  { heading: 'Real clients and other proxies', files: /judges|clients|differential/ },
];

const otherwise = 'Everything else';

/** @type {readonly string[]} */
export const headings = [...topics.map(({ heading }) => heading), otherwise];

/** @param {string} file */
export function headingOf(file) {
  return topics.findLast(({ files }) => files.test(file))?.heading ?? otherwise;
}
