import {
  type AttributeRewrite,
  type CookieRules,
  mappedRewrite,
  toCookieDomain,
} from '../../http/set-cookie.js';
import { either, record } from '../../options/composites.js';
import { custom, oneOf } from '../../options/kinds.js';
import type { OptionsOf, SettingsOf } from '../../options/spec.js';

/** Text that matches `form`. Anything else is a problem. */
const text = (form: RegExp, message: string) =>
  custom<string, string>({
    type: 'text',
    schema: { type: 'string', pattern: form.source },
    read: (check, path, value) => {
      if (typeof value === 'string' && form.test(value)) return value;
      check.problem(path, message);
      return '';
    },
  });

const domain = text(/^(?:\.?[\w-]+(?:\.[\w-]+)*)?$/, "must be a domain, or '' for none");
const path = text(/^(?:\/[\x21-\x3a\x3c-\x7e]*)?$/, "must be a path such as /files, or '' for none");

/** One value for all, or a map from old to new values. */
const rewrite = (value: typeof domain, doc: string) =>
  either(value, record(value, {}), {
    type: 'text or object',
    doc,
    takesSecond: (given) => typeof given !== 'string',
  });

export const cookieOptions = {
  /**
   * A new value for every `Domain`; `''` removes it. An object has new values by old ones, with `*` for any
   * other. Case, and a dot in front, make no difference. Default: none.
   */
  domain: rewrite(
    domain,
    "A new value for every `Domain`; `''` removes it. An object has new values by old ones, with `*` for any other. Case, and a dot in front, make no difference.",
  ),
  /** The same for `Path`. Default: none. */
  path: rewrite(path, 'The same for `Path`.'),
  /**
   * Whether cookies have `Secure`. `match` is for a proxy that serves both http and https: cookies have it if
   * the client used https. It is not removed if a browser would refuse the cookie without it. Default:
   * `'keep'`.
   */
  secure: oneOf(['keep', 'remove', 'add', 'match'], {
    default: 'keep',
    doc: 'Whether cookies have `Secure`. `match` is for a proxy that serves both http and https: cookies have it if the client used https. It is not removed if a browser would refuse the cookie without it.',
  }),
};

/** Changes to the attributes of cookies that origin servers set. The rest of each line stays byte for byte. */
export interface CookieOptions extends OptionsOf<typeof cookieOptions> {}
export interface CookieValues extends SettingsOf<typeof cookieOptions> {}

/** Null if cookies pass unchanged. */
export type CookieSettings = 'remove' | CookieRules | null;

export function toCookieRules(given: 'pass' | 'remove' | CookieValues): CookieSettings {
  if (typeof given === 'string') return given === 'remove' ? given : null;
  return {
    domain: toRewrite(given.domain, toCookieDomain),
    path: toRewrite(given.path, (value) => value),
    secure: given.secure,
  };
}

function toRewrite(
  given: string | ReadonlyMap<string, string> | undefined,
  toKey: (value: string) => string,
): AttributeRewrite | null {
  if (given === undefined) return null;
  if (typeof given === 'string') return () => given;
  return mappedRewrite(new Map(Array.from(given, ([old, value]) => [toKey(old), value])), toKey);
}
