import { expect, test } from 'vitest';
import { toLogMessage } from '../../src/proxy/transfer/log-message.js';

test.each([
  'connect ECONNREFUSED 10.0.0.5:9000',
  'getaddrinfo ENOTFOUND files.internal',
  'The connection ended after 100 of 200 content bytes',
  'The client neither sent nor read for 600000 ms',
  'The access policy refused: the bearer token is unknown',
  'Invalid response: a Content-Length (5) with a Transfer-Encoding',
  'http://files.internal:9000',
])('a message without secrets stays as it is: %s [Sluiceway]', (message) => {
  expect(toLogMessage(message)).toBe(message);
});

test.each([
  ['no https://files.internal:81/a/b?sig=x here', 'no https://files.internal:81/… here'],
  ['at "https://user:secret@files.internal/"', 'at "https://files.internal"'],
  ['https://a:b@c:d@files.internal/x', 'https://files.internal/…'],
  ['redis://:secret@10.0.0.1:6379/0', 'redis://10.0.0.1:6379/…'],
  ['GET /a?token=x failed', 'GET /a?… failed'],
  ['Authorization: Bearer abc.def-123', 'Authorization: …'],
  ['sent Basic dXNlcjpzZWNyZXQ=', 'sent Basic …'],
  ['password=hunter2, api_key: 12345', 'password=…, api_key: …'],
  ['{"token":"abc"}', '{"token":…'],
  ['Cookie: a=1; b=2 was sent', 'Cookie: …'],
])('what may be a secret is left out: %s [Sluiceway]', (message, expected) => {
  expect(toLogMessage(message)).toBe(expected);
});

test('a long message is cut, and takes no time [Sluiceway]', () => {
  for (const text of ['a', '?', 'http://', 'basic ', 'token=', '@', 'http://a@'])
    expect(toLogMessage(text.repeat(100_000)).length).toBeLessThanOrEqual(501);
});
