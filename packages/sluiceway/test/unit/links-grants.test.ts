import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type GrantOptions, readGrant } from '../../src/gateway/grant.js';
import { times } from '../support/full-counts.js';
import { anyUse, encryptElsewhere, keyOf, linksOf, signElsewhere } from '../support/grants.js';
import { problemsOf } from '../support/problems.js';

const hour = Math.floor(Date.now() / 1000) + 3600;

const verify = (link: string) => linksOf().verify(link, anyUse).grant;
const isRefused = (link: string): void =>
  expect(() => linksOf().verify(link, anyUse), link).toThrow(
    expect.objectContaining({ code: 'link_invalid', status: 403 }),
  );

/** By member: what no link may say, and how it is called where it is signed. */
const nonsense: [member: string, value: unknown, problem: RegExp][] = [
  ['url', '', /^url must be a URL that starts with http/],
  ['url', '/a.zip', /^url must be a URL/],
  ['url', 'ftp://secret.example/a', /^url must be a URL/],
  ['url', 'file:///etc/passwd', /^url must be a URL/],
  ['url', 'javascript:alert(1)', /^url must be a URL/],
  ['url', 'https://', /^url must name a host/],
  ['url', 'https:///secret', /^url must name a host/],
  ['url', 'https://user:secret@a.example/', /^url must not contain a user name/],
  ['url', 'https://secret@a.example/', /^url must not contain a user name/],
  ['url', 'https://a.example/#secret', /^url must not contain a fragment/],
  ['url', 'https://a.example /secret', /^url must not contain spaces/],
  ['url', ' https://a.example/secret', /^url must be a URL/],
  ['url', 'https://a.example/secret\r\nX: y', /^url must not contain spaces/],
  ['url', 'https://a.example/secret\0', /^url must not contain spaces/],
  ['url', 'https://a.example\\secret', /^url must not contain spaces/],
  ['url', 'https://a.example:0/secret', /^url must not have the port 0/],
  ['url', 'https://a.example:70000/secret', /^url must be a valid URL/],
  ['url', 'https://[::secret]/', /^url must be a valid URL/],
  ['filename', '', /^filename must be a non-empty string/],
  ['filename', 'a\r\nb', /^filename must not contain control/],
  ['filename', 'a\0', /^filename must not contain control/],
  ['filename', 'a\x7f', /^filename must not contain control/],
  ['filename', 'a\x85', /^filename must not contain control/],
  ['filename', 'ü'.repeat(128), /^filename must be at most 255 bytes/],
  ['disposition', 'Inline', /^disposition must be one of/],
  ['disposition', '', /^disposition must be one of/],
  ['contentType', '', /^contentType must be a media type/],
  ['contentType', 'video', /^contentType must be a media type/],
  ['contentType', 'video/', /^contentType must be a media type/],
  ['contentType', 'video/mp4\r\nSet-Cookie: a=b', /^contentType must be a media type/],
  ['contentType', 'video/mp4; a=\u010d', /^contentType must be a media type/],
  ['contentType', 'video/mp4, text/html', /^contentType must be a media type/],
  ['methods', [''], /^methods\[0\] must be a method/],
  ['methods', ['GET', 'P UT'], /^methods\[1\] must be a method/],
  ['methods', ['CONNECT'], /^methods\[0\] must be a method other than CONNECT/],
  ['methods', ['TRACE'], /^methods\[0\] must be a method other than CONNECT and TRACE/],
  ['methods', ['get'], /^methods must be in capital letters/],
  ['methods', ['GET', 'GET'], /^methods must not contain duplicates/],
  ['mirrors', ['ftp://a.example/'], /^mirrors\[0\] must/],
  ['digest', '', /^digest must be 'sha256:'/],
  ['digest', 'sha256:secret', /^digest must be 'sha256:'/],
  ['digest', 'md5=:AAAAAAAAAAAAAAAAAAAAAA==:', /^digest must be 'sha256:'/],
  ['maxBytes', 0, /^maxBytes must be at least 1B/],
  ['maxBytes', -1, /^maxBytes must be a size/],
  ['maxBytes', 2 ** 53, /^maxBytes must be a size/],
  ['digestSidecar', '{name}', /^digestSidecar must not be the path of the file itself/],
  ['digestSidecar', 'ftp://a.example/b', /^digestSidecar must be a path such as/],
  ['size', -1, /^size must be a size/],
  ['acceptEncoding', 'gzip', /^acceptEncoding must be one of/],
  ['rate', 0, /^rate must be at least 1B/],
  ['rate', 'fast', /^rate must be a size/],
  ['clientIp', '', /^clientIp must be an address or CIDR range/],
  ['clientIp', 'unix', /^clientIp must be an address or CIDR range/],
  ['clientIp', 'localhost', /^clientIp must be an address or CIDR range/],
  ['clientIp', '192.0.2.1/33', /is not an address or CIDR range/],
  ['clientIp', '192.0.2.1/', /is not an address or CIDR range/],
  ['clientIp', '192.0.2.1/8/8', /is not an address or CIDR range/],
  ['clientIp', '192.0.2', /is not an address or CIDR range/],
  ['clientIp', '192.0.02.1', /is not an address or CIDR range/],
  ['clientIp', '2001:db8::/129', /is not an address or CIDR range/],
  ['clientIp', 'fe80::1%eth0', /^clientIp must be an address or CIDR range/],
  ['clientIp', '192.0.2.1, 192.0.2.2', /^clientIp must be an address or CIDR range/],
];

/** What only JSON can say, or JavaScript. */
const moreNonsense: typeof nonsense = [
  ['url', 7, /^url must be a URL, as a string or an object/],
  ['url', 'https://a.example/\ud800', /^url must not contain spaces, control/],
  ['filename', 'a\ud83d', /^filename must not contain control characters or lone surrogates/],
  ['filename', 7, /^filename must be a non-empty string/],
  ['methods', [], /^methods must have at least one/],
  ['methods', 'GET', /^methods must be an array/],
  ['singleUse', 'yes', /^singleUse must be true or false/],
  ['headers', [], /^headers must be an object/],
  ['headers', { 'X Y': 'secret' }, /^headers must have valid names, not "X Y"/],
  ['headers', { '': 'secret' }, /^headers must have valid names/],
  ['headers', { X: 'secret\r\nY: z' }, /^headers\.X must be a valid value$/],
  ['headers', { X: 'secret\u010d' }, /^headers\.X must be a valid value$/],
  ['headers', { X: 7 }, /^headers\.X must be a valid value$/],
  ['headers', { Accept: 'secret', accept: 'secret' }, /^headers\.accept must not appear twice$/],
  ...[
    'Host',
    'CONTENT-LENGTH',
    'Transfer-Encoding',
    'Connection',
    'Keep-Alive',
    'Upgrade',
    'TE',
    'Trailer',
  ].map((name): (typeof nonsense)[number] => ['headers', { [name]: 'secret' }, /must not be set by a link$/]),
  ...['Expect', 'Proxy-Authorization', 'Via', 'CDN-Loop', 'Range', 'If-Range', 'if-none-match'].map(
    (name): (typeof nonsense)[number] => ['headers', { [name]: 'secret' }, /must not be set by a link$/],
  ),
  ['surprise', 1, /^surprise is not an option/],
];

describe('what no link may permit', () => {
  const all = [...nonsense, ...moreNonsense];
  test.each(all)('is not signed: %s %j', (member, value, problem) => {
    const options = { url: 'https://a.example/', expires: '1h', [member]: value } as GrantOptions;
    const problems = problemsOf(() => linksOf().sign(options));
    expect(problems).toEqual([expect.stringMatching(problem)]);
    expect(problems.join()).not.toContain('secret');
  });

  test.each(nonsense)('is refused where another signer has signed it: %s %j', (member, value) => {
    const names: Record<string, string> = {
      contentType: 'content-type',
      digestSidecar: 'digest-sidecar',
      acceptEncoding: 'accept-encoding',
      maxBytes: 'max-bytes',
      clientIp: 'client',
    };
    const parameters = {
      url: 'https://a.example/',
      expires: String(hour),
      [names[member] ?? member]: Array.isArray(value) ? value.join() : String(value),
    };
    isRefused(signElsewhere(parameters));
  });

  test.each(all)('is refused where another signer has encrypted it: %s %j', (member, value) => {
    isRefused(
      encryptElsewhere(JSON.stringify({ url: 'https://a.example/', expires: hour, [member]: value })),
    );
  });
});

test.each<[end: string, expires: unknown, problem: RegExp]>([
  ['not told', undefined, /^expires is required$/],
  ['after 0 ms', 0, /^expires must be in the future$/],
  ['after 0s', '0s', /^expires must be in the future$/],
  ['a moment ago', new Date(Date.now() - 1), /^expires must be in the future$/],
  ['told in seconds', new Date(hour), /^expires must be in the future$/],
  ['told in microseconds', new Date(hour * 1_000_000), /^expires must be at most ten years from now$/],
  ['after a century', '36600d', /^expires must be at most ten years from now$/],
  ['no date', new Date(Number.NaN), /^expires must be a valid date$/],
  ['a date as a text', '2030-01-01', /^expires must be a duration/],
  ['negative', -1, /^expires must be a duration/],
  ['no number', Number.NaN, /^expires must be a duration/],
  ['infinite', Number.POSITIVE_INFINITY, /^expires must be a duration/],
  ['null', null, /^expires must be a duration/],
  ['an object', {}, /^expires must be a duration/],
])('no link is signed whose end is %s', (_, expires, problem) => {
  expect(problemsOf(() => linksOf().sign({ url: 'https://a.example/', expires } as GrantOptions))).toEqual([
    expect.stringMatching(problem),
  ]);
});

test('a link may last longer than a timer can wait [Sluiceway]', () => {
  const link = linksOf().sign({ url: 'https://a.example/', expires: '365d' });
  expect(linksOf().verify(link, { ...anyUse, now: Date.now() + 364 * 86_400_000 }).grant.url).toBeTruthy();
});

describe('a link that another signer has made', () => {
  test('is as good as ours, in either form [Sluiceway]', () => {
    expect(verify(signElsewhere({ url: 'https://a.example/ü', expires: String(hour) }))).toEqual(
      verify(encryptElsewhere(JSON.stringify({ url: 'https://a.example/ü', expires: hour }))),
    );
    const { methods, disposition } = verify(
      signElsewhere({
        url: 'https://a.example/',
        expires: String(hour),
        methods: 'GET,HEAD',
        disposition: 'attachment',
      }),
    );
    expect([methods, disposition]).toEqual([['GET', 'HEAD'], 'attachment']);
  });

  test.each([
    '',
    '0',
    '-1',
    '1e9',
    '0x10',
    ' 1',
    '1 ',
    '01',
    '1.0',
    '٣',
    '99999999999999999',
    String(hour * 1000),
  ])('is refused where it ends at %j', (expires) =>
    isRefused(signElsewhere({ url: 'https://a.example/', expires })),
  );

  test.each([null, 0, -1, 1.5, 1e300, '1h', String(hour), hour * 1000, true, [hour], {}])(
    'is refused where it is encrypted and ends at %j',
    (expires) => isRefused(encryptElsewhere(JSON.stringify({ url: 'https://a.example/', expires }))),
  );

  test.each<[string, Record<string, string>]>([
    ['has no URL', { expires: String(hour) }],
    ['has no end', { url: 'https://a.example/' }],
    ['has a parameter that nobody knows', { url: 'https://a.example/', expires: String(hour), x: '1' }],
    ['has fields for the origin server', { url: 'https://a.example/', expires: String(hour), headers: '{}' }],
    ['writes a flag otherwise', { url: 'https://a.example/', expires: String(hour), 'single-use': 'true' }],
    ['denies a flag', { url: 'https://a.example/', expires: String(hour), 'single-use': '0' }],
    [
      'writes a size with its unit',
      { url: 'https://a.example/', expires: String(hour), 'max-bytes': '5GiB' },
    ],
  ])('is refused where it %s [Sluiceway]', (_, parameters) => isRefused(signElsewhere(parameters)));

  test.each(['', 'x', 'null', '[]', '7', '"url"', '{}', '{"url":"https://a.example/"}', '{"__proto__":{}}'])(
    'is refused where %j is what it has encrypted',
    (text) => isRefused(encryptElsewhere(text)),
  );

  test('is refused where it is of another version, or what it has encrypted is no UTF-8 [Sluiceway]', () => {
    const text = JSON.stringify({ url: 'https://a.example/', expires: hour });
    expect(verify(encryptElsewhere(text)).url).toBe('https://a.example/');
    for (const version of [0, 2, 255]) isRefused(encryptElsewhere(text, keyOf('k1', 1), version));
    isRefused(encryptElsewhere(Buffer.from([0xff, 0xfe])));
  });

  test('never breaks anything, whatever it says [Sluiceway]', () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.string({ unit: 'binary' }),
      fc.constantFrom('https://a.example', hour),
    );
    const members = fc.dictionary(
      fc.constantFrom(
        'url',
        'expires',
        'filename',
        'methods',
        'clientIp',
        'headers',
        'contentType',
        'rate',
        'x',
      ),
      value,
    );
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), members), (packed) => {
        try {
          expect(readGrant(packed).url).toMatch(/^https:/);
        } catch (error) {
          expect(error).toMatchObject({ code: 'link_invalid' });
        }
      }),
      { numRuns: times(2000, 500) },
    );
  });
});
