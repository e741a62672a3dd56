/** Returns the new value of an attribute, `''` to remove the attribute, or undefined to keep it. */
export type AttributeRewrite = (value: string) => string | undefined;

/** Creates a rewrite from a map: the entry for the value, else the entry for `*`. */
export function mappedRewrite(
  values: ReadonlyMap<string, string>,
  toKey: (value: string) => string,
): AttributeRewrite {
  return (value) => values.get(toKey(value)) ?? values.get('*');
}

/** Normalizes a cookie's domain as browsers do: case-insensitive, without a leading dot (RFC 6265 section 5.2.3). */
export const toCookieDomain = (domain: string): string => domain.replace(/^\./, '').toLowerCase();

/** How Set-Cookie lines are rewritten. Null keeps an attribute. */
export interface CookieRules {
  domain: AttributeRewrite | null;
  path: AttributeRewrite | null;
  /** `match` sets Secure if the client uses https, and removes it otherwise. */
  secure: 'keep' | 'remove' | 'add' | 'match';
}

/** An attribute in the line, from the `;` before it to the next one. */
interface Attribute {
  /** In lower case. */
  name: string;
  /** Without surrounding white space. `''` if there is none. */
  value: string;
  /** Byte for byte. */
  text: string;
}

/**
 * Browsers accept these only with Secure, Path=/ and no Domain (RFC 6265bis section 4.1.3.2), so they need no
 * rewriting.
 */
const HOST_PREFIX = /^__host-/i;
/** Browsers accept these only with Secure (RFC 6265bis section 4.1.3.1; `__Http-` is newer). */
const SECURE_PREFIX = /^__(?:secure|http)-/i;

/**
 * Rewrites a Set-Cookie value as browsers parse it (RFC 6265 section 5.2): split at every `;`, attribute names in any
 * case, repeated and unknown ones included. Everything that no rule covers stays byte for byte. Cookie libraries cannot
 * do this: they parse into a record and serialize it again, which decodes values, reorders attributes and loses unknown
 * ones.
 *
 * Secure is not removed from a cookie that browsers would refuse without it: a name that begins with `__Secure-`,
 * `SameSite=None`, or `Partitioned`. A cookie whose name begins with `__Host-` is never changed.
 */
export function rewriteSetCookie(line: string, rules: CookieRules, clientIsSecure: boolean): string {
  const first = line.indexOf(';');
  const pair = first < 0 ? line : line.slice(0, first);
  const name = pair.slice(0, Math.max(0, pair.indexOf('='))).trim();
  if (HOST_PREFIX.test(name)) return line;
  const attributes = first < 0 ? [] : readAttributes(line, first);
  const secure = rules.secure === 'match' ? (clientIsSecure ? 'add' : 'remove') : rules.secure;
  const keepsSecure = secure !== 'remove' || SECURE_PREFIX.test(name) || attributes.some(needsSecure);
  let isSecure = false;
  let rewritten = pair;
  for (const attribute of attributes) {
    if (attribute.name === 'secure') {
      isSecure = true;
      if (keepsSecure) rewritten += attribute.text;
    } else {
      rewritten += rewriteAttribute(attribute, rules);
    }
  }
  return secure === 'add' && !isSecure ? `${rewritten}; Secure` : rewritten;
}

function readAttributes(line: string, from: number): Attribute[] {
  const attributes: Attribute[] = [];
  for (let start = from; start < line.length; ) {
    const next = line.indexOf(';', start + 1);
    const text = line.slice(start, next < 0 ? line.length : next);
    const equals = text.indexOf('=');
    attributes.push({
      name: text
        .slice(1, equals < 0 ? text.length : equals)
        .trim()
        .toLowerCase(),
      value: equals < 0 ? '' : text.slice(equals + 1).trim(),
      text,
    });
    start += text.length;
  }
  return attributes;
}

const needsSecure = ({ name, value }: Attribute): boolean =>
  name === 'partitioned' || (name === 'samesite' && value.toLowerCase() === 'none');

function rewriteAttribute({ name, value, text }: Attribute, rules: CookieRules): string {
  const rewrite = name === 'domain' ? rules.domain : name === 'path' ? rules.path : null;
  // An attribute without a value counts as absent.
  const replacement = value === '' ? undefined : rewrite?.(value);
  if (replacement === undefined || replacement === value) return text;
  return replacement === '' ? '' : text.slice(0, text.indexOf('=') + 1) + replacement;
}
