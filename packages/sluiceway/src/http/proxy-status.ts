/** RFC 9651 section 3.3.4: a token of a structured field. */
const SF_TOKEN = /^[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*$/;
/** RFC 9651 section 3.3.3: a string of a structured field. */
const SF_STRING = /^[\x20-\x7e]*$/;

/**
 * Formats Proxy-Status with one member (RFC 9209 section 2), such as `sluiceway; error=dns_timeout`. `name` is this
 * proxy's name, `error` an error type.
 */
export function formatProxyStatus(name: string, error: string): string {
  if (!SF_TOKEN.test(error)) throw new TypeError(`Invalid error type ${JSON.stringify(error)}`);
  return `${formatName(name)}; error=${error}`;
}

function formatName(name: string): string {
  if (SF_TOKEN.test(name)) return name;
  if (!SF_STRING.test(name)) throw new TypeError('The name of a proxy must be visible ASCII');
  return `"${name.replace(/["\\]/g, '\\$&')}"`;
}
