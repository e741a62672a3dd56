import { afterAll, beforeAll, describe, expect } from 'vitest';
import { createDownloadGateway, type GatewayOptions } from '../../src/gateway.js';
import { type ConnectSpy, watchConnects } from '../support/connect-spy.js';
import { type Network, test } from '../support/fixture.js';
import { startGateway } from '../support/gateway.js';
import { keys, signElsewhere } from '../support/grants.js';
import { type HostileUrl, hostileNames, hostileUrls } from '../support/hostile-urls.js';
import { type LocalListeners, listenEverywhere } from '../support/local-listeners.js';
import { respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';

/** The only place that a gateway of these tests may connect to: where it is sent elsewhere. */
const REDIRECTOR = '127.0.0.9';

let spy: ConnectSpy;
let listeners: LocalListeners;
beforeAll(async () => {
  spy = await watchConnects((place) => place.startsWith(`${REDIRECTOR} `));
  listeners = await listenEverywhere();
});
afterAll(async () => {
  spy.stop();
  await listeners.stop();
  expect(listeners.connections).toBe(0);
});

/** A gateway to which one request at a time is sent: its status, and what it has connected to for it. */
async function asking(net: Network, options: Partial<GatewayOptions>) {
  const { running } = await startGateway(net, options);
  return async (target: string): Promise<{ status: number; dialled: string[] }> => {
    const client = await spy.unseen(() => net.client(running));
    spy.seen.length = 0;
    await client.get(target);
    const { head } = await client.readResponse();
    client.close();
    return { status: head.status, dialled: spy.seen.filter((place) => !place.startsWith(REDIRECTOR)) };
  };
}

/** What has been observed of a URL, in the words of the corpus. */
function observed({ status, dialled }: { status: number; dialled: string[] }): string {
  // Whatever is dialled is refused there.
  return dialled.length === 0 ? String(status) : `dialled ${dialled.join(', ')}`;
}

/** That this version of Node takes for a URL, of a host that does not exist. */
const isNameless = ({ parsed, url }: HostileUrl): boolean => parsed !== undefined && URL.canParse(url);

function expected(each: HostileUrl): string {
  const { verdict, address, url, parsed } = each;
  if (isNameless(each)) return String(parsed);
  const port = /:443\/|^https:(?!.*:80\/)/i.test(url) ? 443 : 80;
  return verdict === 'dialled' ? `dialled ${address} ${port}` : String(verdict);
}

const groups = hostileUrls.groups.map(({ about, urls }) => [about, urls] as const);

const isWhole = ({ url }: HostileUrl): boolean => !/[\r\n]/.test(url);

describe('a gateway on its default settings', () => {
  test('meets at least 300 hostile URLs', () => {
    expect(hostileUrls.groups.flatMap(({ urls }) => urls).length).toBeGreaterThan(300);
  });

  test.for(groups)(
    'in ?url= judges %s, and connects to nothing that it refuses [smokescreen]',
    async ([, urls], { net }) => {
      const ask = await asking(net, {
        unsigned: true,
        guard: { allowHosts: ['*'], resolver: hostileNames },
      });
      const verdicts: [string, string][] = [];
      for (const { url } of urls)
        verdicts.push([url, observed(await ask(`/download?url=${encodeURIComponent(url)}`))]);
      expect(verdicts).toEqual(urls.map((each) => [each.url, expected(each)]));
    },
  );

  test.for(groups)(
    'in a link that its signer has not looked at judges %s, and connects to nothing that it refuses [smokescreen]',
    async ([, urls], { net }) => {
      const ask = await asking(net, { keys, guard: { resolver: hostileNames } });
      const expires = String(Math.ceil(Date.now() / 1000) + 600);
      const verdicts: [string, string][] = [];
      for (const { url } of urls) verdicts.push([url, observed(await ask(signElsewhere({ url, expires })))]);
      // A link to what is no URL is no link.
      expect(verdicts).toEqual(urls.map((each) => [each.url, expected(each).replace(/^400$/, '403')]));
    },
  );

  test.for(groups)(
    'in Location judges %s, and connects to nothing that it refuses [smokescreen]',
    async ([, urls], { net }) => {
      const origin = await net.origin(
        respondWith((head) => {
          const [, to] = /^\/\?to=(.*)$/.exec(head.target) ?? [];
          if (to === undefined) return sized('', [], 'HTTP/1.1 404 Not Found');
          const location = Buffer.from(decodeURIComponent(to)).toString('latin1');
          return sized('', [`Location: ${location}`], 'HTTP/1.1 302 Found');
        }),
        { host: REDIRECTOR },
      );
      const { gateway, running } = await startGateway(net, {
        guard: { resolver: hostileNames, allowAddresses: [`${REDIRECTOR}:${origin.port}`] },
      });
      const whole = urls.filter(isWhole);
      const verdicts: [string, string][] = [];
      for (const each of whole) {
        const { url } = each;
        const client = await spy.unseen(() => net.client(running));
        spy.seen.length = 0;
        await client.get(
          gateway.sign({ url: `${origin.url}/?to=${encodeURIComponent(url)}`, expires: '1h' }),
        );
        const { head } = await client.readResponse();
        client.close();
        const dialled = spy.seen.filter((place) => !place.startsWith(REDIRECTOR));
        // Text that is no URL of its own may be a reference that leads back to where it comes from.
        const unusable = head.status === 404 || (head.status === 502 && !isNameless(each));
        const status = unusable ? 400 : head.status;
        verdicts.push([url, observed({ status, dialled })]);
      }
      const right = whole.map((each) => [
        each.url,
        expected({ ...each, verdict: each.redirect ?? each.verdict }),
      ]);
      expect(verdicts).toEqual(right);
    },
  );
});

describe('a gateway that may connect to any port', () => {
  test.for(groups)(
    'connects at none of them to %s, where that is refused [smokescreen]',
    async ([, urls], { net }) => {
      const ask = await asking(net, {
        unsigned: true,
        guard: { allowHosts: ['*'], allowPorts: 'any', resolver: hostileNames },
      });
      const refused = urls
        .filter(({ url, verdict }) => verdict === 403 && /^https?:\/\/(?:\[[^\]]*\]|[^/:?#[]+)\//i.test(url))
        .map(({ url }) => url.replace(/^(https?:\/\/(?:\[[^\]]*\]|[^/:?#[]+))/i, `$1:${listeners.port}`));
      const verdicts: [string, string][] = [];
      for (const url of refused)
        verdicts.push([url, observed(await ask(`/download?url=${encodeURIComponent(url)}`))]);
      expect(verdicts).toEqual(refused.map((url) => [url, '403']));
    },
  );
});

/** What is no request-target at all, or says more than one thing. */
const queries: [string, number][] = [
  ['url=http://127.0.0.1/', 403],
  ['url=http:%2F%2F127.0.0.1%2F', 403],
  ['url=http%3A%2F%2F127.0.0.1', 403],
  ['url=http%253A%252F%252F127.0.0.1%252F', 400],
  ['url=http://127.0.0.1/%00', 400],
  ['url=http://127.0.0.1/%0d%0aHost:%20x', 400],
  ['url=http://8.8.8.8/%0d%0aX-Injected:%20x', 400],
  ['url=%68%74%74%70://127.0.0.1/', 403],
  ['url=http://8.8.8.8/&url=http://127.0.0.1/', 400],
  ['url=http://127.0.0.1/&url=http://8.8.8.8/', 400],
  ['url[]=http://127.0.0.1/', 403],
  ['URL=http://127.0.0.1/', 403],
  ['%75rl=http://127.0.0.1/', 403],
  ['url=http://127.0.0.1/;x&y', 400],
  ['url=http://127.0.0.1/&filename=../../etc/passwd', 403],
  ['url=http://127.0.0.1/&signature=x', 403],
  ['url=http://127.0.0.1/&link=x', 400],
  ['url=http://127.0.0.1\\@8.8.8.8/', 400],
  ['url=http://127.0.0.1\t/', 400],
  ['url=http://127.0.0.1 /', 400],
  ['url=', 400],
  ['url', 403],
  ['', 403],
];

describe('a gateway that serves URLs without a signature', () => {
  test.for(queries)(
    'answers the query %j with %i and connects to nothing [smokescreen]',
    async ([query, status], { net }) => {
      const ask = await asking(net, { unsigned: true, guard: { allowHosts: ['*'], resolver: hostileNames } });
      expect(await ask(`/download?${query}`)).toEqual({ status, dialled: [] });
    },
  );

  test.for([
    ['absolute form', 'GET http://127.0.0.1/ HTTP/1.1', 404],
    [
      'absolute form with a path of its own',
      'GET http://127.0.0.1/download?url=http://127.0.0.1/ HTTP/1.1',
      403,
    ],
    ['authority form', 'CONNECT 127.0.0.1:80 HTTP/1.1', 405],
    ['a scheme before its path', 'GET file:///etc/passwd HTTP/1.1', 400],
    ['another method', 'POST /download?url=http://8.8.8.8/ HTTP/1.1', 405],
  ] as const)(
    'connects to nothing for a request-target with %s [smokescreen]',
    async ([, line, status], { net }) => {
      const { running } = await startGateway(net, {
        unsigned: true,
        guard: { allowHosts: ['*'], resolver: hostileNames },
      });
      const client = await spy.unseen(() => net.client(running));
      spy.seen.length = 0;
      await client.send(`${line}\r\nHost: 127.0.0.1\r\nX-Forwarded-Host: 127.0.0.1\r\n\r\n`);
      expect([(await client.readResponse()).head.status, spy.seen]).toEqual([status, []]);
    },
  );
});

describe('a gateway that may connect to every address', () => {
  test.for([
    '127.0.0.1',
    '127.1',
    '127.0.0.2',
    '127.255.255.254',
    '0.0.0.0',
    '0',
    '[::]',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[64:ff9b::7f00:1]',
    'loopback.example',
    'localhost',
  ])('does not connect to its own listener at %s [smokescreen]', async (host, { net }) => {
    const { gateway, running } = await startGateway(net, {
      guard: { allowAddresses: ['0.0.0.0/0', '::/0'], allowPorts: 'any', resolver: hostileNames },
    });
    gateway.listensOn('0.0.0.0', running.port);
    const client = await spy.unseen(() => net.client(running));
    spy.seen.length = 0;
    await client.get(gateway.sign({ url: `http://${host}:${running.port}/`, expires: '1h' }));
    expect([(await client.readResponse()).head.status, spy.seen]).toEqual([403, []]);
  });
});

test.for([
  ['upstream', { url: 'http://files.example', egressProxy: 'http://proxy.example' }],
  ['transport', { send() {}, close() {}, destroy() {} }],
  ['addresses', 'any'],
  ['proxy', 'http://proxy.example'],
] as const)(
  'a gateway has no option %s, by which somebody else would connect or nobody judge [Sluiceway]',
  ([name, value]) => {
    const options = { keys, [name]: value } as GatewayOptions;
    expect(() => createDownloadGateway(options)).toThrow(`${name} is not an option`);
  },
);
