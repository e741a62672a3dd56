// What the title of a test says: `condition and result [source; source]`. The sources may stand at the end of
// the test's own title, of a `describe` around it, or of both.

/**
 * @typedef {object} Title
 * @property {string} text One line of the specification, without its sources.
 * @property {readonly string[]} sources Who prescribes it or expects it.
 */

/** Besides standards, the systems whose users expect a behaviour. `Sluiceway` is a promise of its own. */
const systems = [
  'Apache httpd',
  'Astro',
  'Caddy',
  'Chromium',
  'Deno',
  'Docker',
  'Envoy',
  'Express',
  'Fastify',
  'Firefox',
  'Gateway API',
  'Go',
  'Grafana',
  'HAProxy',
  'Hono',
  'Koa',
  'Kubernetes',
  'Nest',
  'Next.js',
  'Node',
  'OWASP',
  'OpenAPI',
  'OpenTelemetry',
  'OpenTelemetry Collector',
  'POSIX',
  'Pingora',
  'Prometheus',
  'React Router',
  'Sluiceway',
  'Spring',
  'Squid',
  'SvelteKit',
  'Traefik',
  'Traffic Server',
  'Varnish',
  'WebKit',
  'aria2',
  'camo',
  'curl',
  'http-proxy',
  'http-proxy-middleware',
  'httpxy',
  '@fastify/http-proxy',
  '@fastify/reply-from',
  'gRPC',
  'grpc-go',
  'imgproxy',
  'logrotate',
  'nghttp2',
  'nginx',
  'smokescreen',
  'systemd',
  'undici',
  'wget',
  'ws',
];

const sourcePatterns = [
  // A section, an appendix, or all of it: RFC 9110 7.6.1, RFC 9110 A, RFC 8297.
  /^RFC [1-9]\d{2,4}(?: (?:\d+|[A-Z])(?:\.\d+)*)?$/,
  /^CVE-\d{4}-\d{4,}$/,
  /^CWE-\d+$/,
  /^draft-[a-z\d-]+(?: \d+(?:\.\d+)*)?$/,
  /^POSIX \d+(?:\.\d+)*$/,
  // A page of the manual: resolv.conf(5).
  /^[a-z][a-z.]*\(\d\)$/,
  /^(?:WHATWG|W3C) [A-Z][\w ]*(?: \d+(?:\.\d+)*)?$/,
  // A part of Go's library, by its name there: Go ReverseProxy.
  /^Go [A-Z]\w*$/,
];

/** @param {string} source */
const isKnownSource = (source) =>
  systems.includes(source) || sourcePatterns.some((pattern) => pattern.test(source));

/**
 * @param {readonly string[]} titles From the outermost `describe` to the test.
 * @returns {{ behaviour: Title | null, problems: readonly string[] }} No behaviour where no title has a tag.
 */
export function readTitles(titles) {
  /** @type {string[]} */
  const texts = [];
  /** @type {Set<string>} */
  const sources = new Set();
  for (const title of titles) {
    const { text, tag } = splitTag(title);
    texts.push(text);
    for (const source of tag?.split(';') ?? []) sources.add(source.trim());
  }
  if (sources.size === 0) return { behaviour: null, problems: [] };
  const text = texts.join(' ').trim();
  const problems = [...sources]
    .filter((source) => !isKnownSource(source))
    .map((source) => `"${text}": [${source}] is no source; write it as [RFC 9110 7.6.1] or [nginx]`);
  return { behaviour: { text, sources: [...sources] }, problems };
}

/**
 * An address in brackets (`[::1]`) is no tag, and neither is what does not begin with a letter or an @.
 *
 * @param {string} title
 * @returns {{ text: string, tag: string | null }}
 */
function splitTag(title) {
  const [, text, tag] = /^(.*?)\s*\[([A-Za-z@][^[\]]*)\]$/s.exec(title) ?? [];
  if (text === undefined || tag === undefined || /^[\da-f]*:[\da-f:.%]*$/i.test(tag))
    return { text: title, tag: null };
  return { text, tag };
}
