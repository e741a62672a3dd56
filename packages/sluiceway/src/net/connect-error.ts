import { type ErrorCode, SluicewayError } from '../errors.js';

/** Error codes of the operating system, the resolver and Node from before a connection is established. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  ECONNREFUSED: 'connection_refused',
  // A Unix socket or a local name that does not exist.
  ENOENT: 'connection_refused',
  ECONNRESET: 'connection_terminated',
  ECONNABORTED: 'connection_terminated',
  EPIPE: 'connection_terminated',
  ETIMEDOUT: 'connection_timeout',
  ERR_SOCKET_CONNECTION_TIMEOUT: 'connection_timeout',
  EHOSTUNREACH: 'destination_ip_unroutable',
  ENETUNREACH: 'destination_ip_unroutable',
  EHOSTDOWN: 'destination_ip_unroutable',
  ENETDOWN: 'destination_ip_unroutable',
  EADDRNOTAVAIL: 'destination_ip_unroutable',
  EAFNOSUPPORT: 'destination_ip_unroutable',
  EINVAL: 'destination_ip_unroutable',
  // A local firewall refuses the connection.
  EACCES: 'destination_ip_unroutable',
  EPERM: 'destination_ip_unroutable',
  EMFILE: 'connection_limit_reached',
  ENFILE: 'connection_limit_reached',
  ENOBUFS: 'connection_limit_reached',
  ENOMEM: 'connection_limit_reached',
  ENOTFOUND: 'dns_error',
  ENODATA: 'dns_error',
  ESERVFAIL: 'dns_error',
  EBADNAME: 'dns_error',
  EREFUSED: 'dns_error',
  ETIMEOUT: 'dns_timeout',
  EPROTO: 'tls_protocol_error',
};

/** OpenSSL's errors for a certificate chain, as Node names them, and Node's own for the name. */
const CERTIFICATE =
  /CERT|CRL|ISSUER|LEAF_SIGNATURE|^(?:INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|HOSTNAME_MISMATCH|UNSPECIFIED)$/;

/** If several attempts failed, the error that says most about the origin server is reported. */
const TELLING: readonly ErrorCode[] = [
  'connection_refused',
  'connection_terminated',
  'connection_limit_reached',
  'connection_timeout',
];

/**
 * Translates an error of name resolution, connection or TLS handshake. The result is retryable, because nothing of the
 * request was sent.
 */
export function toConnectError(error: unknown): SluicewayError {
  if (error instanceof SluicewayError) return error;
  // Happy Eyeballs reports one error per attempt.
  if (error instanceof AggregateError && error.errors.length > 0) return mostTelling(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return new SluicewayError(translate(code), describe(error, code), { cause: error, retryable: true });
}

/** OpenSSL's own message has an address in memory, a line of its source and a line break. */
function describe(error: unknown, code: string): string {
  if (!(error instanceof Error)) return String(error);
  const isOpenSsl = code.startsWith('ERR_SSL_') && 'reason' in error;
  return isOpenSsl ? `The TLS handshake failed: ${String(error.reason)} (${code})` : error.message;
}

/** What Node refuses on the spot: unreadable certificates, impossible ports. */
export function toConfigurationError(error: unknown): SluicewayError {
  const message = error instanceof Error ? error.message : 'The connection could not be configured';
  return new SluicewayError('proxy_configuration_error', message, { cause: error });
}

function mostTelling(error: AggregateError): SluicewayError {
  const translated = error.errors.map(toConnectError);
  const found = TELLING.map((code) => translated.find((each) => each.code === code)).find(Boolean);
  const code = (found ?? translated[0])?.code ?? 'connection_refused';
  const message = translated.map((each) => each.message).join('; ');
  return new SluicewayError(code, message, { cause: error, retryable: true });
}

function translate(code: string): ErrorCode {
  const known = CODES[code];
  if (known !== undefined) return known;
  if (code.startsWith('EAI_')) return 'dns_error';
  // Before certificates: a certificate alert *from* the server, about ours, is a failed handshake.
  if (code.startsWith('ERR_SSL_')) return 'tls_protocol_error';
  if (CERTIFICATE.test(code)) return 'tls_certificate_error';
  return code.startsWith('ERR_TLS_') ? 'tls_protocol_error' : 'destination_unavailable';
}
