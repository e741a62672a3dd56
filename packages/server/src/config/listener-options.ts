import { parseDurationMs } from 'sluiceway';
import {
  boolean,
  custom,
  either,
  group,
  integer,
  list,
  type OptionsOf,
  oneOf,
  type SettingsOf,
  string,
} from 'sluiceway/options';
import { parseListenAddress } from '../listeners/address.js';
import { acmeOption } from './acme-options.js';
import { optional } from './optional.js';
import { proxyProtocolOption } from './proxy-protocol-options.js';

const certificateMembers = {
  cert: string({
    required: true,
    type: 'file',
    doc: 'The certificate in PEM, with the chain up to the root.',
  }),
  key: string({ required: true, type: 'file', doc: 'Its private key in PEM.' }),
};

const clientCertificateMembers = {
  ca: string({ required: true, type: 'file', doc: 'Authorities whose certificates are accepted, in PEM.' }),
  mode: oneOf(['required', 'optional'], {
    default: 'required',
    doc: 'Whether a client without a certificate is turned away. A certificate that is not valid is refused in both modes.',
  }),
};

const tlsMembers = {
  certificates: list(group<CertificateOptions, CertificateValues>(certificateMembers, {}), {
    doc: 'Each with `cert` and `key`, files in PEM. A client gets the certificate that has the name that it asks for (SNI), exactly or by a wildcard; otherwise the first one. Two certificates of the same names may differ in the kind of their keys (ECDSA, RSA). Required, unless there is `acme`.',
  }),
  acme: acmeOption,
  minVersion: oneOf(['TLSv1.2', 'TLSv1.3'], {
    default: 'TLSv1.2',
    doc: 'The oldest version of TLS that is accepted. Older ones than TLS 1.2 are never accepted (RFC 8996).',
  }),
  clientCertificates: optional(
    group<ClientCertificateOptions, ClientCertificateValues>(clientCertificateMembers, {}),
    'Ask clients for certificates. Without it, clients are not asked.',
  ),
};

const redirectMembers = {
  status: custom<number, number>({
    type: '301, 302, 307 or 308',
    defaultText: '`308`',
    schema: { anyOf: [301, 302, 307, 308].map((status) => ({ const: status })), default: 308 },
    doc: 'The status. 308 keeps the method of the request (RFC 9110 section 15.4.9).',
    read: (check, path, value = 308) => {
      if (![301, 302, 307, 308].includes(value as number))
        check.problem(path, 'must be 301, 302, 307 or 308');
      return value as number;
    },
  }),
  port: integer({ default: 443, min: 1, max: 65_535, doc: 'The port that clients reach HTTPS at.' }),
};

const hstsMembers = {
  maxAge: custom<string | number, number>({
    type: 'duration',
    defaultText: '`365d`',
    schema: { anyOf: [{ type: 'string' }, { type: 'integer', minimum: 0 }], default: '365d' },
    doc: 'How long browsers remember it.',
    read: (check, path, value = '365d') =>
      check.parsed(path, value as string | number, 0, (given) => Math.floor(parseDurationMs(given) / 1000)),
  }),
  includeSubDomains: boolean({ default: false, doc: 'Whether it holds for all names below, too.' }),
  preload: boolean({
    default: false,
    doc: 'Consent to be on the lists that browsers ship. It is hard to undo.',
  }),
};

/** Permissions of a Unix socket; null if it is not given. */
export const socketModeOption = custom<string, number | null>({
  type: 'octal digits',
  schema: { type: 'string', pattern: '^0?[0-7]{3}$' },
  defaultText: "the process's umask",
  doc: "Permissions of a Unix socket, in quotes: `'0660'`. Who may write to it may connect.",
  read: (check, path, value) => {
    if (value === undefined) return null;
    if (typeof value === 'string' && /^0?[0-7]{3}$/.test(value)) return Number.parseInt(value, 8);
    check.problem(path, "must be three octal digits in quotes, such as '0660'");
    return null;
  },
});

const listenerMembers = {
  address: custom<string, string | undefined>({
    required: true,
    type: 'address',
    schema: { type: 'string', minLength: 1 },
    doc: "Where to listen: `127.0.0.1:8080`, `'[::1]:8080'` (in quotes), `:8080` for all addresses of the machine, or `unix:/run/sluiceway.sock`. Port 0 is any free port. `systemd`, `systemd:name` and `fd://3` are sockets that another process has opened: see [socket activation](server.md#socket-activation).",
    read: (check, path, value) =>
      check.parsed(path, value as string | undefined, undefined, (text) => {
        parseListenAddress(text);
        return text;
      }),
  }),
  mode: socketModeOption,
  tls: either(boolean({}), group<TlsOptions, TlsValues>(tlsMembers, {}), {
    type: 'boolean or object',
    default: false,
    defaultText: '`false`',
    takesSecond: (value) => typeof value === 'object',
    doc: 'Whether it speaks TLS: `true` for the top-level `tls`, or an object with certificates of its own.',
  }),
  protocol: oneOf(['auto', 'http1', 'h2c'], {
    default: 'auto',
    doc: 'What it speaks. `auto` is HTTP/1.1, and HTTP/2 with clients that ask for it over TLS (ALPN). `http1` is HTTP/1.1 only. `h2c` is HTTP/2 without TLS, for clients with prior knowledge, and nothing else.',
  }),
  proxyProtocol: proxyProtocolOption,
  redirectToHttps: either(
    boolean({}),
    group<RedirectToHttpsOptions, RedirectToHttpsValues>(redirectMembers, {}),
    {
      type: 'boolean or object',
      default: false,
      defaultText: '`false`',
      takesSecond: (value) => typeof value === 'object',
      doc: 'Answer every request with a redirect to the same URL with `https:`. Only without TLS.',
    },
  ),
  hsts: either(boolean({}), group<HstsOptions, HstsValues>(hstsMembers, {}), {
    type: 'boolean or object',
    default: false,
    defaultText: '`false`',
    takesSecond: (value) => typeof value === 'object',
    doc: 'Tell browsers to use `https:` only (`Strict-Transport-Security`, RFC 6797), in every response. Only with TLS. Off, because browsers keep to it for as long as it says, whatever becomes of the server.',
  }),
};

export interface CertificateOptions extends OptionsOf<typeof certificateMembers> {}
export interface CertificateValues extends SettingsOf<typeof certificateMembers> {}
export interface ClientCertificateOptions extends OptionsOf<typeof clientCertificateMembers> {}
export interface ClientCertificateValues extends SettingsOf<typeof clientCertificateMembers> {}
export interface TlsOptions extends OptionsOf<typeof tlsMembers> {}
export interface TlsValues extends SettingsOf<typeof tlsMembers> {}
export interface RedirectToHttpsOptions extends OptionsOf<typeof redirectMembers> {}
export interface RedirectToHttpsValues extends SettingsOf<typeof redirectMembers> {}
export interface HstsOptions extends OptionsOf<typeof hstsMembers> {}
export interface HstsValues extends SettingsOf<typeof hstsMembers> {}
export interface ListenerOptions extends OptionsOf<typeof listenerMembers> {}
export interface ListenerValues extends SettingsOf<typeof listenerMembers> {}

export const listenerOption = group<ListenerOptions, ListenerValues>(listenerMembers, {});

/** The top-level `tls`. */
export const sharedTlsOption = optional(
  group<TlsOptions, TlsValues>(tlsMembers, {}),
  'Certificates for listeners with `tls: true`. The files are read again at each reload.',
);
