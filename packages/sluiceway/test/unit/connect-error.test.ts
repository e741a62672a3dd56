import { describe, expect, test } from 'vitest';
import { toConnectError } from '../../src/net/connect-error.js';

describe('toConnectError', () => {
  test.each([
    ['ECONNREFUSED', 'connection_refused'],
    ['ENOTFOUND', 'dns_error'],
    ['EAI_AGAIN', 'dns_error'],
    ['EAI_NODATA', 'dns_error'],
    ['ETIMEOUT', 'dns_timeout'],
    ['ETIMEDOUT', 'connection_timeout'],
    ['ERR_SOCKET_CONNECTION_TIMEOUT', 'connection_timeout'],
    ['EHOSTUNREACH', 'destination_ip_unroutable'],
    ['ENETUNREACH', 'destination_ip_unroutable'],
    ['EMFILE', 'connection_limit_reached'],
    ['ENFILE', 'connection_limit_reached'],
    ['ECONNRESET', 'connection_terminated'],
    ['EPIPE', 'connection_terminated'],
    ['CERT_HAS_EXPIRED', 'tls_certificate_error'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls_certificate_error'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'tls_certificate_error'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls_certificate_error'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'tls_certificate_error'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls_certificate_error'],
    ['HOSTNAME_MISMATCH', 'tls_certificate_error'],
    ['EPROTO', 'tls_protocol_error'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls_protocol_error'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'tls_protocol_error'],
    ['SOMETHING_ELSE', 'destination_unavailable'],
  ])('%s to %s', (code, expected) => {
    const cause = Object.assign(new Error('x'), { code });
    expect(toConnectError(cause)).toMatchObject({ code: expected, retryable: true, cause });
  });

  test('of several attempts the most telling one counts', () => {
    const errors = ['ENETUNREACH', 'ETIMEDOUT', 'ECONNREFUSED'].map((code) =>
      Object.assign(new Error(code.toLowerCase()), { code }),
    );
    const error = toConnectError(new AggregateError(errors));
    expect(error.code).toBe('connection_refused');
    expect(error.message).toBe('enetunreach; etimedout; econnrefused');
    expect(toConnectError(new AggregateError(errors.slice(0, 1))).code).toBe('destination_ip_unroutable');
    expect(toConnectError(new AggregateError([])).code).toBe('destination_unavailable');
  });

  test('what is no error at all is wrapped', () => {
    expect(toConnectError('text')).toMatchObject({ code: 'destination_unavailable', message: 'text' });
  });
});
