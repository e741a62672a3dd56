/** What becomes of the value of an attribute: the new one, `''` to remove the attribute, or undefined to leave it. */
export type AttributeRewrite = (value: string) => string | undefined;

/** Takes the entry for the value out of a map, else that for `*`. */
export function mappedRewrite(
  values: ReadonlyMap<string, string>,
  toKey: (value: string) => string,
): AttributeRewrite {
  return (value) => values.get(toKey(value)) ?? values.get('*');
}

/** How browsers compare the domain of a cookie: without regard to case, and to a dot at its start (RFC 6265 section 5.2.3). */
export const toCookieDomain = (domain: string): string => domain.replace(/^\./, '').toLowerCase();

/** How Set-Cookie lines are rewritten. Null leaves an attribute as it is. */
export interface CookieRules {
  domain: AttributeRewrite | null;
  path: AttributeRewrite | null;
  /** `match` has Secure exactly where the client came by https. */
  secure: 'keep' | 'remove' | 'add' | 'match';
}

/** An attribute as it stands in the line, from the `;` before it up to the next one. */
interface Attribute {
  /** In lower case. */
  name: string;
  /** Without white space around it; `''` where there is none. */
  value: string;
  /** Byte for byte. */
  text: string;
}

/** A browser keeps these only with Secure, Path=/ and no Domain (RFC 6265bis section 4.1.3.2): they are right as they are. */
const HOST_PREFIX = /^__host-/i;
/** A browser keeps these only with Secure (RFC 6265bis section 4.1.3.1; `__Http-` is newer). */
const SECURE_PREFIX = /^__(?:secure|http)-/i;

/**
 * Rewrites the value of a Set-Cookie field as a browser would read it (RFC 6265 section 5.2): split at every `;`,
 * names of attributes in any case, repeats and unknown ones included. What no rule is about stays byte for byte,
 * which is why no cookie library does this: they parse into a record and write it anew, which decodes values, moves
 * attributes and loses those that they do not know.
 *
 * Where a browser would refuse the cookie without it, Secure is not removed: with a name that begins with `__Secure-`,
 * with `SameSite=None`, with `Partitioned`. A cookie whose name begins with `__Host-` is never changed.
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
  // Without a value it counts as absent.
  const replacement = value === '' ? undefined : rewrite?.(value);
  if (replacement === undefined || replacement === value) return text;
  return replacement === '' ? '' : text.slice(0, text.indexOf('=') + 1) + replacement;
}
