import type { FieldValues } from '../../http/field-rules.js';
import { FieldRules } from '../../http/field-rules.js';
import { either, group } from '../../options/composites.js';
import type { JsonSchema } from '../../options/json-schema.js';
import { boolean, custom, oneOf } from '../../options/kinds.js';
import type { OptionsOf, SettingsOf } from '../../options/spec.js';
import {
  type CookieOptions,
  type CookieSettings,
  type CookieValues,
  cookieOptions,
  toCookieRules,
} from './cookie-options.js';
import {
  OF_REQUESTS,
  parseHostOption,
  readFieldName,
  readFieldNames,
  readFieldValues,
} from './header-values.js';

const fieldValuesSchema: JsonSchema = {
  type: 'object',
  additionalProperties: {
    anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' }, minItems: 1 }],
  },
};

/** Field lines by name. `refused` maps names that other options control to the reason. */
const fieldValues = (refused: Readonly<Record<string, string>>, doc: string) =>
  custom<Readonly<Record<string, string | readonly string[]>>, FieldValues | undefined>({
    type: 'object',
    doc,
    schema: fieldValuesSchema,
    read: (check, path, value) => readFieldValues(check, path, value, refused),
  });

const fieldNames = (refused: Readonly<Record<string, string>>, doc: string) =>
  custom<readonly string[], string[] | undefined>({
    type: 'list of names',
    doc,
    schema: { type: 'array', items: { type: 'string' } },
    read: (check, path, value) => readFieldNames(check, path, value, refused),
  });

/** Changes to the fields of every request: `remove`, then `set`, then `append`. */
const requestRuleOptions = {
  /** Fields of the request that the origin server does not get. Names in any case. Default: none. */
  remove: fieldNames(
    OF_REQUESTS,
    'Fields of the request that the origin server does not get. Names in any case.',
  ),
  /**
   * Fields of the request by name: a value, or a list for several lines. They replace all lines that the
   * client sent with that name. Default: none.
   */
  set: fieldValues(
    OF_REQUESTS,
    'Fields of the request by name: a value, or a list for several lines. They replace all lines that the client sent with that name.',
  ),
  /** The same, added to the lines that the client sent. Default: none. */
  append: fieldValues(OF_REQUESTS, 'The same, added to the lines that the client sent.'),
};

/** Changes to the fields of every response, in the same order. */
const responseRuleOptions = {
  /**
   * Fields of the response that the client does not get, such as `['Server', 'X-Powered-By']`. Default: none.
   */
  remove: fieldNames(
    {},
    "Fields of the response that the client does not get, such as `['Server', 'X-Powered-By']`.",
  ),
  /** Fields of the response by name. They replace the origin server's. Default: none. */
  set: fieldValues({}, "Fields of the response by name. They replace the origin server's."),
  /** The same, added to the origin server's. Default: none. */
  append: fieldValues({}, "The same, added to the origin server's."),
};

/** Which forwarding fields the origin server gets in addition to `X-Forwarded-For`, `-Host` and `-Proto`. */
const forwardedOptions = {
  /**
   * Send `X-Forwarded-Port` to the origin server: the port that the client asked for, from `Host` or the
   * scheme (80, 443). The field that a client sends is replaced; that of a trusted proxy is kept. For
   * applications that build their own URLs from it. Default: `false`.
   */
  port: boolean({
    default: false,
    doc: 'Send `X-Forwarded-Port` to the origin server: the port that the client asked for, from `Host` or the scheme (80, 443). The field that a client sends is replaced; that of a trusted proxy is kept. For applications that build their own URLs from it.',
  }),
  /**
   * Send `X-Forwarded-Prefix` to the origin server: what `stripPrefix`, or the mount path of a framework,
   * removed from the path, after the prefix that a trusted proxy sent. The field that a client sends is
   * removed. Default: `false`.
   */
  prefix: boolean({
    default: false,
    doc: 'Send `X-Forwarded-Prefix` to the origin server: what `stripPrefix`, or the mount path of a framework, removed from the path, after the prefix that a trusted proxy sent. The field that a client sends is removed.',
  }),
};

export const headerOptions = {
  /**
   * The `Host` that the origin server gets: the host of the upstream's URL, the one that the client asked
   * for, or the one given here, as `host` or `host:port`. Servers with several names, and certificates, go by
   * the default; the client's host is in `X-Forwarded-Host`. If a hook calls `setTarget`, the `Host` is that
   * of its URL, and a redirect that is followed has its own. Default: `'upstream'`.
   */
  host: custom<'upstream' | 'client' | (string & {}), string>({
    type: "`'upstream'`, `'client'` or a host",
    defaultText: "`'upstream'`",
    doc: "The `Host` that the origin server gets: the host of the upstream's URL, the one that the client asked for, or the one given here, as `host` or `host:port`. Servers with several names, and certificates, go by the default; the client's host is in `X-Forwarded-Host`. If a hook calls `setTarget`, the `Host` is that of its URL, and a redirect that is followed has its own.",
    schema: { type: 'string', minLength: 1 },
    read: (check, path, value) =>
      check.parsed(path, value as string | undefined, 'upstream', parseHostOption),
  }),
  /**
   * Further forwarding fields. They are sent only if the profile sends forwarding fields, as `passThrough`
   * does.
   */
  forwarded: group<ForwardedOptions, ForwardedValues>(forwardedOptions, {
    doc: 'Further forwarding fields. They are sent only if the profile sends forwarding fields, as `passThrough` does.',
  }),
  /**
   * The name of a request field for the identity that `access` has found, such as `X-Remote-User`, in UTF-8.
   * The origin server never gets the client's own field of that name, also if there is no identity, no
   * `access`, or if the client writes `_` for `-`. A profile with a list of request fields sends it only if
   * it is in that list. Default: none.
   */
  identity: custom<string, string | undefined>({
    type: 'field name',
    schema: { type: 'string', minLength: 1 },
    doc: "The name of a request field for the identity that `access` has found, such as `X-Remote-User`, in UTF-8. The origin server never gets the client's own field of that name, also if there is no identity, no `access`, or if the client writes `_` for `-`. A profile with a list of request fields sends it only if it is in that list.",
    read: (check, path, value) => readFieldName(check, path, value, OF_REQUESTS),
  }),
  /** Changes to the request, before the hook `onUpstreamRequest`: `remove`, then `set`, then `append`. */
  request: group<HeaderRuleOptions, HeaderRuleValues>(requestRuleOptions, {
    doc: 'Changes to the request, before the hook `onUpstreamRequest`: `remove`, then `set`, then `append`.',
  }),
  /**
   * Changes to the response, before the hook `onUpstreamResponse`, and additions to the answers of the proxy
   * and of hooks.
   */
  response: group<HeaderRuleOptions, HeaderRuleValues>(responseRuleOptions, {
    doc: 'Changes to the response, before the hook `onUpstreamResponse`, and additions to the answers of the proxy and of hooks.',
  }),
  /**
   * What happens to `Set-Cookie`: it passes, it is removed, or some of its attributes change as the three
   * options below say. Default: `'pass'`.
   */
  cookies: either(
    oneOf(['pass', 'remove'], { default: 'pass' }),
    group<CookieOptions, CookieValues>(cookieOptions, {}),
    {
      type: "`'pass'`, `'remove'` or an object",
      default: 'pass',
      defaultText: "`'pass'`",
      takesSecond: (value) => typeof value === 'object',
      doc: 'What happens to `Set-Cookie`: it passes, it is removed, or some of its attributes change as the three options below say.',
    },
  ),
  /**
   * What happens to a `Location` or `Content-Location` that points into the upstream's URL: it passes, or
   * becomes the path of this proxy that leads to the same place. This includes interim responses (104 of a
   * resumable upload). Any other URL passes. The default is right if the origin server knows its public URL.
   * Default: `'pass'`.
   */
  location: oneOf(['pass', 'rewrite'], {
    default: 'pass',
    doc: "What happens to a `Location` or `Content-Location` that points into the upstream's URL: it passes, or becomes the path of this proxy that leads to the same place. This includes interim responses (104 of a resumable upload). Any other URL passes. The default is right if the origin server knows its public URL.",
  }),
  /**
   * What happens to a `Destination` (WebDAV `COPY` and `MOVE`, RFC 4918 section 10.3) and to the URLs in an
   * `If` that name this proxy: they pass, or name the same place on the origin server. Any other URL passes.
   * WebDAV servers refuse URLs that are not their own, so the default is right unless the origin server knows
   * its public URL and expects it. Default: `'rewrite'`.
   */
  destination: oneOf(['pass', 'rewrite'], {
    default: 'rewrite',
    doc: 'What happens to a `Destination` (WebDAV `COPY` and `MOVE`, RFC 4918 section 10.3) and to the URLs in an `If` that name this proxy: they pass, or name the same place on the origin server. Any other URL passes. WebDAV servers refuse URLs that are not their own, so the default is right unless the origin server knows its public URL and expects it.',
  }),
};

/** Changes to the fields of every message in one direction: `remove`, then `set`, then `append`. */
export interface HeaderRuleOptions extends OptionsOf<typeof responseRuleOptions> {}
export interface HeaderRuleValues extends SettingsOf<typeof responseRuleOptions> {}
export interface ForwardedOptions extends OptionsOf<typeof forwardedOptions> {}
export interface ForwardedValues extends SettingsOf<typeof forwardedOptions> {}
export interface HeaderOptions extends OptionsOf<typeof headerOptions> {}
export interface HeaderOptionValues extends SettingsOf<typeof headerOptions> {}

/** Checked values of `HeaderOptions`. Null if nothing changes. */
export interface HeaderSettings {
  /** `upstream`, `client` or a value for the field. */
  host: string;
  /** The name of the field for the identity; null if it is not sent. */
  identity: string | null;
  request: FieldRules | null;
  response: FieldRules | null;
  cookies: CookieSettings;
  rewritesLocation: boolean;
  rewritesDestination: boolean;
  forwarded: ForwardedValues;
}

export function toHeaderSettings(given: HeaderOptionValues): HeaderSettings {
  return {
    host: given.host,
    identity: given.identity ?? null,
    forwarded: given.forwarded,
    request: toRules(given.request),
    response: toRules(given.response),
    cookies: toCookieRules(given.cookies),
    rewritesLocation: given.location === 'rewrite',
    rewritesDestination: given.destination === 'rewrite',
  };
}

function toRules(given: HeaderRuleValues): FieldRules | null {
  const { set, append, remove } = given;
  if (set === undefined && append === undefined && remove === undefined) return null;
  return new FieldRules({ set: set ?? [], append: append ?? [], remove: remove ?? [] });
}
