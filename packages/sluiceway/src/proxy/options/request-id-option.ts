import { isToken } from '../../http/fields.js';
import { isFramingField, isHopByHop } from '../../http/hop-by-hop.js';
import { Checker } from '../../options/checker.js';
import { either, group } from '../../options/composites.js';
import { boolean, custom } from '../../options/kinds.js';
import type { OptionsOf, SettingsOf } from '../../options/spec.js';

const DEFAULT_FIELD = 'X-Request-Id';

/** Fields that have a meaning of their own for this proxy or the origin server. */
const TAKEN =
  /^(?:host|cookie|authorization|via|cdn-loop|date|age|set-cookie|location|content-.*|x-forwarded-.*|forwarded)$/i;

function parseField(name: string): string {
  if (typeof name !== 'string' || !isToken(name))
    throw new TypeError('must be the name of a field, such as X-Request-Id');
  if (isFramingField(name) || isHopByHop(name) || TAKEN.test(name))
    throw new TypeError(`must not be ${name}, which has a meaning of its own`);
  return name;
}

const requestIdMembers = {
  /** The field that carries the id. Default: `X-Request-Id`. */
  field: custom<string, string>({
    type: 'field name',
    defaultText: '`X-Request-Id`',
    schema: { type: 'string', default: DEFAULT_FIELD },
    doc: 'The field that carries the id.',
    read: (check, path, value) => check.parsed(path, value as string | undefined, DEFAULT_FIELD, parseField),
  }),
  /**
   * Send the field to the origin server, in place of the client's. Does not apply to profiles that do not
   * send forwarding fields, such as `thirdParty`, and to gateways: their origin servers belong to others.
   * Default: `true`.
   */
  toUpstream: boolean({
    default: true,
    doc: "Send the field to the origin server, in place of the client's. Does not apply to profiles that do not send forwarding fields, such as `thirdParty`, and to gateways: their origin servers belong to others.",
  }),
  /**
   * Send the field to the client in each final response, errors included, in place of the origin server's.
   * Default: `true`.
   */
  toClient: boolean({
    default: true,
    doc: "Send the field to the client in each final response, errors included, in place of the origin server's.",
  }),
};

export interface RequestIdOptions extends OptionsOf<typeof requestIdMembers> {}
export interface RequestIdValues extends SettingsOf<typeof requestIdMembers> {}

const requestIdGroup = group<RequestIdOptions, RequestIdValues>(requestIdMembers, {
  doc: 'How requests are identified.',
});

export const requestIdOption = either(boolean({ default: false }), requestIdGroup, {
  default: false,
  takesSecond: (value) => typeof value !== 'boolean',
  doc: 'Whether each request gets an id that the origin server and the client get in the field `X-Request-Id`, too, so that the logs of all of them can be compared. Or an object with the options [there](#request-id). The id is that of the request if one of the `trustedProxies` has sent it, and a random UUID otherwise: the field of any other client is replaced, because it could imitate the requests of others. Without this option, fields pass as any other field, and `requestId` in the log is `id`.',
});

/** Null if the field is not used. */
export function toRequestIdSettings(given: boolean | RequestIdValues): RequestIdValues | null {
  if (given === false) return null;
  return given === true ? requestIdGroup.read(new Checker(''), '', undefined) : given;
}
