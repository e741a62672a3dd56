import { expect, test } from 'vitest';
import { publicOnly } from '../../src/guard.js';
import { OptionsError } from '../../src/options/checker.js';

test.for([
  ['https://files.example/a', null],
  ['http://8.8.8.8/', null],
  ['http://[64:ff9b::8.8.8.8]/', null],
  ['http://127.1/', 'destination_ip_prohibited'],
  ['http://[::1]/', 'destination_ip_prohibited'],
  ['http://8.8.8.8:22/', 'destination_ip_prohibited'],
  ['http://.a.example/', 'destination_ip_prohibited'],
  ['file:///etc/passwd', 'http_request_error'],
  ['http://user@8.8.8.8/', 'http_request_error'],
  ['8.8.8.8', 'http_request_error'],
] as const)('publicOnly says of %s: %s', ([url, code]) => {
  expect(publicOnly().judge(url)?.code ?? null).toBe(code);
});

test('publicOnly judges addresses, and URLs by their paths', () => {
  const { policy, judge } = publicOnly({
    allowHosts: ['https://a.example/public/*'],
    denyAddresses: ['8.8.8.8'],
  });
  expect(policy.decide('127.0.0.1', 80).allowed).toBe(false);
  expect(policy.decide('8.8.4.4', 443).allowed).toBe(true);
  expect(policy.decide('8.8.8.8', 443).allowed).toBe(false);
  expect(judge(new URL('https://a.example/public/x'))).toBe(null);
  expect(judge('https://a.example/private')?.code).toBe('destination_ip_prohibited');
  expect(judge('https://8.8.4.4/public/')?.code).toBe('destination_ip_prohibited');
  expect(() => publicOnly({ allowPort: [80] } as never)).toThrow(OptionsError);
});
