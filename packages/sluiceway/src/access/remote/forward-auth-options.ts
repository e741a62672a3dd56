import { either, list } from '../../options/composites.js';
import { custom, duration, oneOf, url } from '../../options/kinds.js';
import type { OptionsOf } from '../../options/spec.js';
import { readFieldName } from '../../proxy/options/header-values.js';
import { tlsOption } from '../../proxy/options/upstream-tls.js';
import { type Target, toTarget } from '../../upstream/target.js';

/** Fields that a sub-request has anyway, or that must not be copied. */
const CONTROLLED: Readonly<Record<string, string>> = {
  host: 'is that of the url',
  'cdn-loop': 'must pass unchanged: otherwise loops are not detected (RFC 8586)',
  'early-data': 'must pass unchanged: otherwise a possible replay is treated as safe (RFC 8470)',
};

const fieldName = custom<string, string | undefined>({
  type: 'field names',
  schema: { type: 'string', minLength: 1 },
  read: (check, path, value) => readFieldName(check, path, value, CONTROLLED),
});

export const forwardAuthOptions = {
  /** The `http:` or `https:` URL of the service. It is requested as it is, with its query. Required. */
  url: url<Target, { required: true; doc: string }>({
    required: true,
    parse: toTarget,
    doc: 'The `http:` or `https:` URL of the service. It is requested as it is, with its query.',
  }),
  /**
   * Fields of the service's response that the origin server gets with the request, such as `Remote-User` and
   * `Remote-Groups`. The client's own fields of these names never reach the origin server, whether the
   * service sends them or not. Default: none.
   */
  copyHeaders: list(fieldName, {
    default: [],
    type: 'list of field names',
    doc: "Fields of the service's response that the origin server gets with the request, such as `Remote-User` and `Remote-Groups`. The client's own fields of these names never reach the origin server, whether the service sends them or not.",
  }),
  /** The field of the service's response that has the identity, such as `Remote-User`. Default: none. */
  identityHeader: {
    ...fieldName,
    type: 'field name',
    doc: "The field of the service's response that has the identity, such as `Remote-User`.",
  },
  /**
   * Fields of the client's request that the service gets, or `'all'`. Fields of one connection, of the
   * content, of ranges and conditions are never sent: they concern the file. Default: `'all'`.
   */
  requestHeaders: either(oneOf(['all'], {}), list(fieldName, {}), {
    type: "`'all'` or list of field names",
    default: 'all',
    defaultText: "`'all'`",
    takesSecond: (value) => value !== 'all',
    doc: "Fields of the client's request that the service gets, or `'all'`. Fields of one connection, of the content, of ranges and conditions are never sent: they concern the file.",
  }),
  /**
   * Time for the whole sub-request. If it passes, the client gets 503. It cannot be turned off. Default:
   * `10s`.
   */
  timeout: duration({
    default: '10s',
    min: 1,
    doc: 'Time for the whole sub-request. If it passes, the client gets 503. It cannot be turned off.',
  }),
  /** How to reach an `https:` service: `ca`, `cert`, `key`, `servername`. Default: Node's. */
  tls: {
    ...tlsOption,
    doc: 'How to reach an `https:` service: `ca`, `cert`, `key`, `servername`.',
  },
};

export interface ForwardAuthOptions extends OptionsOf<typeof forwardAuthOptions> {}
