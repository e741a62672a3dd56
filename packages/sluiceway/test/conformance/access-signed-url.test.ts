import { createHmac } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, vi } from 'vitest';
import {
  allOf,
  anyOf,
  bearer,
  createProxy,
  createUrlSigner,
  OptionsError,
  type SignedUrlConditions,
  signed,
  stripPrefix,
} from '../../src/index.js';
import { accessRequest } from '../support/access.js';
import { type Network, test } from '../support/fixture.js';
import { keyOf, keys } from '../support/grants.js';
import type { RequestHead } from '../support/message-head.js';
import { problemsOf } from '../support/problems.js';
import { respondWith } from '../support/raw-origin.js';
import { type ProxyOptions, startServer } from '../support/servers.js';
import { sized, through } from '../support/through.js';

const sign = createUrlSigner({ keys });
const hour: SignedUrlConditions = { expires: '1h' };

/** A line that takes signed URLs only; `seen` are the heads that the origin server got. */
async function guarded(net: Network, options: Omit<ProxyOptions, 'upstream'> = {}) {
  const seen: RequestHead[] = [];
  const script = respondWith((head) => {
    seen.push(head);
    return sized('file');
  });
  return { ...(await through(net, script, { access: signed({ keys }), ...options })), seen };
}

/** What the policy says to a target: `allowed`, the status that it refuses with, or the code that it throws. */
async function verdictOf(
  target: string,
  facts: { method?: string; client?: string } = {},
  policy = signed({ keys }),
) {
  const question = target.indexOf('?');
  const { method = 'GET', client = '192.0.2.7' } = facts;
  try {
    const decision = await policy(
      accessRequest([], {
        method,
        path: question < 0 ? target : target.slice(0, question),
        query: question < 0 ? null : target.slice(question + 1),
        forwarded: { for: client, host: null, proto: 'http' },
      }),
    );
    return decision.allowed ? (decision.query ?? 'allowed') : decision.status;
  } catch (error) {
    return (error as { code?: string }).code;
  }
}

/** Signs as the page says, with nothing of ours. */
function signElsewhere(target: string, key = keyOf('k1', 1)): string {
  const secret = Buffer.from(key.secret, 'base64url');
  return `${target}~${createHmac('sha256', secret).update(`sluiceway-signed-url-v1\n${target}`).digest('base64url')}`;
}

describe('a URL that is signed', () => {
  test.for<[url: string, expected: string]>([
    ['/files/a.zip', '/files/a.zip'],
    ['/files/a%2Fb.zip?version=2&x', '/files/a%2Fb.zip?version=2&x'],
    ['/?signature=mine&a=%26', '/?signature=mine&a=%26'],
  ])(
    'lets in, and the origin server gets %s without the signature [Sluiceway]',
    async ([url, expected], { net }) => {
      const { client, seen, running } = await guarded(net);
      await client.get(sign(url, hour));
      expect((await client.readResponse()).content.toString()).toBe('file');
      expect(seen.map(({ target }) => target)).toEqual([expected]);
      expect((await running.record()).outcome).toBe('completed');
    },
  );

  test('shows no signature to hooks, nor to the log [Sluiceway]', async ({ net }) => {
    const queries: unknown[] = [];
    const { client, running } = await guarded(net, {
      onRequest: ({ request: { query } }) => void queries.push(query),
      onUpstreamRequest: ({ request, upstreamRequest }) =>
        void queries.push(request.query, upstreamRequest.path),
    });
    await client.get(sign('/a?b=1', hour));
    await client.readResponse();
    expect(queries).toEqual(['b=1', 'b=1', '/a?b=1']);
    expect(JSON.stringify(await running.record())).not.toContain('signature');
  });

  test.for<[what: string, change: (url: string) => string, status: number]>([
    ['is not signed', () => '/a?b=1', 403],
    ['has been changed', (url) => url.replace('/a', '/b'), 403],
    ['has another query', (url) => url.replace('b=1', 'b=2'), 403],
    ['has something after the signature', (url) => `${url}&c=1`, 403],
    ['is cut short', (url) => url.slice(0, -1), 403],
  ])(
    'is refused where it %s, and nothing is connected to [Sluiceway]',
    async ([, change, status], { net }) => {
      const { client, origin } = await guarded(net);
      await client.get(change(sign('/a?b=1', hour)));
      const { head, content } = await client.readResponse();
      expect(head.status).toBe(status);
      expect(head.get('content-type')).toBe('application/problem+json');
      expect(content.toString()).not.toContain('signature');
      expect(origin.connections.length).toBe(0);
    },
  );

  test('is gone when its time is over: 410; and another method is answered 405 with Allow [RFC 9110 15.5]', async ({
    net,
  }) => {
    const { client } = await guarded(net);
    await client.get(signElsewhere('/a?signature=1000000000~k1~GET,HEAD~*'));
    expect((await client.readResponse()).head.status).toBe(410);
    await client.send(`DELETE ${sign('/a', hour)} HTTP/1.1\r\nHost: test\r\n\r\n`);
    const { head } = await client.readResponse();
    expect([head.status, head.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  test('permits an upload where it says so, and no download then [Sluiceway]', async ({ net }) => {
    const { client, seen } = await guarded(net);
    const url = sign('/a', { ...hour, methods: ['PUT'] });
    await client.send(`PUT ${url} HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\nok`);
    expect((await client.readResponse()).head.status).toBe(200);
    await client.get(url);
    expect((await client.readResponse()).head.status).toBe(405);
    expect(seen.map(({ method, target }) => [method, target])).toEqual([['PUT', '/a']]);
  });

  test('is signed with the path that the client asks for, prefix included [Sluiceway]', async ({ net }) => {
    const origin = await net.origin(respondWith((head) => sized(head.target)));
    const proxy = createProxy({ upstream: origin.url, access: signed({ keys }) });
    const mounted = stripPrefix('/files', proxy);
    const server = await startServer((request, response) => void mounted.handle(request, response));
    net.cleanup(async () => {
      await server.stop();
      proxy.destroy();
    });
    const client = await net.client(server);
    await client.get(sign('/files/a.zip', hour));
    expect((await client.readResponse()).content.toString()).toBe('/a.zip');
    await client.get(`/files${sign('/a.zip', hour)}`);
    expect((await client.readResponse()).head.status).toBe(403);
  });

  test('is one way in among others, and can be asked for beside others [Sluiceway]', async ({ net }) => {
    const token = 'aaaaaaaaaaaaaaaa';
    const either = await guarded(net, { access: anyOf(signed({ keys }), bearer([token])) });
    const asks: [target: string, lines: string[], status: number][] = [
      [sign('/a?b=1', hour), [], 200],
      ['/a', [`Authorization: Bearer ${token}`], 200],
      ['/a', [], 401],
    ];
    for (const [target, lines, status] of asks) {
      await either.client.get(target, lines);
      expect((await either.client.readResponse()).head.status).toBe(status);
    }
    const both = await guarded(net, { access: allOf(bearer({ [token]: 'anna' }), signed({ keys })) });
    await both.client.get(sign('/a?b=1', hour));
    expect((await both.client.readResponse()).head.status).toBe(401);
    await both.client.get(sign('/a?b=1', hour), [`Authorization: Bearer ${token}`]);
    expect((await both.client.readResponse()).head.status).toBe(200);
    expect(both.seen.map(({ target }) => target)).toEqual(['/a?b=1']);
  });
});

describe('a signature', () => {
  test('is for one client where it says so [Sluiceway]', async () => {
    const url = sign('/a', { ...hour, clientIp: '192.0.2.0/24' });
    expect(await verdictOf(url)).toBe('allowed');
    expect(await verdictOf(url, { client: '::ffff:192.0.2.9' })).toBe('allowed');
    expect(await verdictOf(url, { client: '198.51.100.1' })).toBe('link_client');
  });

  test('stays valid while its key is there [Sluiceway]', async () => {
    const [old] = keys;
    if (old === undefined) throw new Error('There is a key');
    const fresh = keyOf('k3', 3);
    const url = createUrlSigner({ keys: [old] })('/a', hour);
    expect(await verdictOf(url, {}, signed({ keys: [fresh, old] }))).toBe('allowed');
    expect(await verdictOf(url, {}, signed({ keys: [fresh] }))).toBe('link_invalid');
  });

  test('ends in the second in which it says so [Sluiceway]', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2030, 0, 1) });
    try {
      const url = sign('/a', { expires: new Date('2030-01-01T01:00:00Z') });
      vi.setSystemTime(Date.UTC(2030, 0, 1, 1) - 1);
      expect(await verdictOf(url)).toBe('allowed');
      vi.setSystemTime(Date.UTC(2030, 0, 1, 1));
      expect(await verdictOf(url)).toBe('link_expired');
    } finally {
      vi.useRealTimers();
    }
  });

  test('may be made elsewhere, and is refused where what it says makes no sense [Sluiceway]', async () => {
    const part = (expires: string, methods = 'GET,HEAD', client = '*') =>
      signElsewhere(`/a?b=\u00e9&signature=${expires}~k1~${methods}~${client}`.replace('\u00e9', '%C3%A9'));
    expect(await verdictOf(part('2000000000'))).toBe('b=%C3%A9');
    const nonsense = [
      ...['', '0', '-1', '1e9', '02000000000', '2000000000000', 'soon'].map((expires) => part(expires)),
      ...['', 'get', 'GET,', 'GET,GET', 'CONNECT', 'A B', 'GET%2CHEAD'].map((methods) =>
        part('2000000000', methods),
      ),
      ...['', 'unix', '192.0.2.0/33', 'me', '**'].map((client) => part('2000000000', 'GET', client)),
      ...['', '~', '~k1', '~k1~GET', '~k1~GET~*~'].map((rest) =>
        signElsewhere(`/a?signature=2000000000${rest}`),
      ),
    ];
    for (const url of nonsense) expect(await verdictOf(url), url).toBe('link_invalid');
  });

  test('is refused when any one character of path or query is another, missing or added [Sluiceway]', async () => {
    const url = sign('/a%20b/c?d=e&f', { ...hour, clientIp: '192.0.2.7' });
    expect(await verdictOf(url)).toBe('d=e&f');
    for (let at = 1; at < url.length; at++) {
      for (const changed of [
        url.slice(0, at) + url.slice(at + 1),
        `${url.slice(0, at)}A${url.slice(at + 1)}`,
        `${url.slice(0, at)}&${url.slice(at)}`,
        `${url.slice(0, at)}1${url.slice(at)}`,
      ]) {
        if (changed !== url) expect(await verdictOf(changed), changed).toSatisfy(isRefusal);
      }
    }
  });

  test('of any URL lets that URL in, as a browser sends it [WHATWG URL]', async () => {
    await fc.assert(
      fc.asyncProperty(fc.webUrl({ withQueryParameters: true, withFragments: true }), async (url) => {
        const parsed = new URL(sign(url, hour));
        expect(parsed.href).toBe(sign(url, hour));
        const left = await verdictOf(parsed.pathname + parsed.search);
        expect(left).toBe(new URL(url).search.slice(1) || 'allowed');
      }),
    );
  });
});

const isRefusal = (verdict: unknown): boolean => verdict === 'link_invalid' || verdict === 403;

test('a URL is signed as a browser spells it, and a path stays one [WHATWG URL]', () => {
  const before = (url: string | URL) => sign(url, hour).replace(/signature=.*/, '');
  expect(before('https://files.example/ü "x"?y= z#part')).toBe(
    'https://files.example/%C3%BC%20%22x%22?y=%20z&',
  );
  expect(before(new URL('HTTPS://files.example:443'))).toBe('https://files.example/?');
  expect(before('/a/../b\\c')).toBe('/b/c?');
});

test.for<[what: string, url: unknown, conditions: unknown, problem: RegExp]>([
  ['no URL', undefined, hour, /^url is required$/],
  ['a relative path', 'a', hour, /^url must be an http: or https: URL, or a path$/],
  ['another scheme', 'ftp://a/', hour, /^url must be an http: or https: URL, or a path$/],
  ['a host without a scheme', '//a/b', hour, /^url must not begin with two slashes$/],
  ['a password', 'https://a:secret@b/', hour, /^url must not contain a user name or password$/],
  ['no URL at all', 'https://[', hour, /^url must be a valid URL$/],
  ['no end', '/', {}, /^expires is required$/],
  ['an end in the past', '/', { expires: new Date(0) }, /^expires must be in the future$/],
  [
    'a method that needs escapes',
    '/',
    { ...hour, methods: ['A~B'] },
    /^methods must consist of letters and hyphens$/,
  ],
  ['a client that is none', '/', { ...hour, clientIp: 'me' }, /^clientIp must be an address or CIDR range$/],
  ['something else', '/', { ...hour, filename: 'a' }, /^filename is not an option/],
])('a URL is not signed with %s', ([, url, conditions, problem]) => {
  const problems = problemsOf(() => sign(url as string, conditions as SignedUrlConditions));
  expect(problems[0]).toMatch(problem);
  expect(problems.join()).not.toContain('secret');
});

test('signed and createUrlSigner refuse bad options at once', () => {
  for (const create of [signed, createUrlSigner]) {
    expect(() => create(undefined as never)).toThrow(OptionsError);
    expect(problemsOf(() => create({ key: keys } as never))).toEqual([
      "key is not an option; did you mean 'keys'?",
      'keys is required',
    ]);
  }
});

describe('a signed prefix', () => {
  const folder = sign('/videos/42/', { ...hour, prefix: true });
  const query = folder.slice(folder.indexOf('?') + 1);

  test.for<[string, string]>([
    ['/videos/42/', 'allowed'],
    ['/videos/42/a.m3u8', 'allowed'],
    ['/videos/42/720p/seg-1.ts', 'allowed'],
    ['/videos/42/a%20b.ts', 'allowed'],
    ['/videos/42', 'link_invalid'],
    ['/videos/421/a', 'link_invalid'],
    ['/videos/43/a', 'link_invalid'],
    ['/Videos/42/a', 'link_invalid'],
    ['/videos/42/../43/a', 'link_invalid'],
    ['/videos/42/%2e%2e/43/a', 'link_invalid'],
    ['/videos/42/..%2f43/a', 'link_invalid'],
    ['/videos/42/%252e%252e/43/a', 'link_invalid'],
    ['/videos/42/..\\43/a', 'link_invalid'],
    ['/videos/42/..;/43/a', 'link_invalid'],
    ['/videos/42/x/../../43/a', 'link_invalid'],
    ['//videos/42/a', 'link_invalid'],
  ])('decides about %s: %s [RFC 3986 5.2.4]', async ([path, verdict]) => {
    expect(await verdictOf(`${path}?${query}`)).toBe(verdict);
  });

  test('permits any query before it, which passes without the signature [Sluiceway]', async ({ net }) => {
    const { client, seen } = await guarded(net);
    await client.get(`/videos/42/a?b=1&${query}`);
    expect((await client.readResponse()).head.status).toBe(200);
    expect(seen[0]?.target).toBe('/videos/42/a?b=1');
  });

  test('cannot be changed, made longer or shorter, or taken for the signature of a file [Sluiceway]', async () => {
    const [name, mac] = [query.slice(0, query.lastIndexOf('~')), query.slice(query.lastIndexOf('~') + 1)];
    const withLength = (length: number): string => `${name.replace(/~\d+$/, `~${length}`)}~${mac}`;
    expect(withLength('/videos/42/'.length)).toBe(query);
    for (const changed of [withLength(1), withLength(8), withLength(14), withLength(0), withLength(99_999)])
      expect(await verdictOf(`/videos/42/ab/c?${changed}`)).toBe('link_invalid');
    const file = sign('/videos/42/', hour);
    const [of, signature] = [file.slice(0, file.lastIndexOf('~')), file.slice(file.lastIndexOf('~') + 1)];
    expect(await verdictOf(`${of}~11~${signature}`)).toBe('link_invalid');
    expect(await verdictOf(`/videos/42/?${name.replace(/~\d+$/, '')}~${mac}`)).toBe('link_invalid');
  });

  test('keeps its other conditions [Sluiceway]', async () => {
    const put = sign('/a/', { ...hour, prefix: true, methods: ['PUT'], clientIp: '192.0.2.7' });
    const of = put.slice(put.indexOf('?'));
    expect(await verdictOf(`/a/b${of}`, { method: 'PUT' })).toBe('allowed');
    expect(await verdictOf(`/a/b${of}`, { method: 'PUT', client: '192.0.2.8' })).toBe('link_client');
    expect(await verdictOf(`/a/b${of}`)).not.toBe('allowed');
  });

  test.for([
    ['/videos/42', /^url must end with a slash/],
    ['/videos/42/?a=1', /^url must end with a slash/],
    ['/videos/%34/', /^url must be readable in one way only/],
    ['/videos//42/', /^url must be readable in one way only/],
  ] as const)('is not made for %s [Sluiceway]', ([url, problem]) => {
    expect(problemsOf(() => sign(url, { ...hour, prefix: true }))).toEqual([expect.stringMatching(problem)]);
  });

  test('of a whole URL keeps its host [Sluiceway]', async () => {
    const url = new URL(sign('https://files.test/a/', { ...hour, prefix: true }));
    expect(url.origin).toBe('https://files.test');
    expect(await verdictOf(`/a/b${url.search}`)).toBe('allowed');
  });
});
