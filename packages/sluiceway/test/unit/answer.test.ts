import { STATUS_CODES } from 'node:http';
import { describe, expect, test } from 'vitest';
import { SluicewayError } from '../../src/errors.js';
import { problemJson } from '../../src/http/problem.js';
import { formatProxyStatus } from '../../src/http/proxy-status.js';
import { statusText } from '../../src/http/status-text.js';
import { draftErrorAnswer } from '../../src/proxy/response/answer.js';

describe('problemJson, RFC 9457', () => {
  test('title is the reason phrase', () => {
    expect(JSON.parse(problemJson(502, 'It broke.'))).toEqual({
      title: 'Bad Gateway',
      status: 502,
      detail: 'It broke.',
    });
  });
});

describe('statusText', () => {
  // 413 and 422 have older phrases in some versions of Node; the others are unassigned, obsolete or a matter of case.
  const OWN = ['413', '418', '422', '425', '509', '510'];

  test.each(Object.entries(STATUS_CODES).filter(([code]) => !OWN.includes(code)))(
    '%s is %s, as in Node',
    (code, phrase) => {
      expect(statusText(Number(code))).toBe(phrase);
    },
  );

  test.each([
    [413, 'Content Too Large'],
    [422, 'Unprocessable Content'],
    [299, 'Unknown'],
  ])('%s is %s', (code, phrase) => {
    expect(statusText(code)).toBe(phrase);
  });
});

describe('formatProxyStatus, RFC 9209', () => {
  test.each([
    ['sluiceway', 'sluiceway; error=dns_timeout'],
    ['proxy.test:80/x', 'proxy.test:80/x; error=dns_timeout'],
    ['my proxy', '"my proxy"; error=dns_timeout'],
    ['a"b\\c', '"a\\"b\\\\c"; error=dns_timeout'],
    ['1st', '"1st"; error=dns_timeout'],
    ['', '""; error=dns_timeout'],
  ])('%j', (name, expected) => {
    expect(formatProxyStatus(name, 'dns_timeout')).toBe(expected);
  });

  test('what cannot be written is refused', () => {
    expect(() => formatProxyStatus('b\u00fccher', 'dns_timeout')).toThrow(TypeError);
    expect(() => formatProxyStatus('a\r\nb', 'dns_timeout')).toThrow(TypeError);
    expect(() => formatProxyStatus('us', 'dns timeout')).toThrow(TypeError);
  });
});

test('the default answer has the fields of its error, in place of the usual ones where both have them [RFC 9110 15.5.6]', () => {
  const error = new SluicewayError('http_request_denied', 'internal', {
    status: 405,
    headers: { Allow: 'GET', 'WWW-Authenticate': ['a', 'b'] },
  });
  const { headers } = draftErrorAnswer(error, 'us', 'GET, HEAD');
  expect(headers).toMatchObject({ Allow: 'GET', 'WWW-Authenticate': ['a', 'b'] });
});
