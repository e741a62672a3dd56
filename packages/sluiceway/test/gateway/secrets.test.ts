import { inspect } from 'node:util';
import { describe, expect, onTestFinished } from 'vitest';
import type { GrantOptions } from '../../src/gateway.js';
import { formatTransferJson, formatTransferText, type SluicewayError } from '../../src/index.js';
import { test } from '../support/fixture.js';
import { startGateway } from '../support/gateway.js';
import type { RawResponse } from '../support/raw-client.js';
import type { OriginScript } from '../support/raw-origin.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

/** In every place that must stay hidden there is one of these, with something that tells where it was. */
const MARK = 'hush';
const FAR = `/${MARK}-path?${MARK}-name=${MARK}-value`;

const redirect = (location: string) => sized('', [`Location: ${location}`], 'HTTP/1.1 302 Found');

/** By the path that is asked for, without what is secret about it. */
const script: OriginScript = async (connection) => {
  for (;;) {
    const { target } = await connection.readHead();
    const what = /^\/([\w-]*)\//.exec(target)?.[1] ?? '';
    const error = (status: number) =>
      sized(
        `<Bucket>${MARK}-bucket</Bucket>`,
        [`X-Host: ${MARK}-host`, `ETag: "${MARK}-etag"`],
        `HTTP/1.1 ${status} ${MARK}`,
      );
    if (/^\d+$/.test(what)) await connection.write(error(Number(what)));
    else if (what === 'silent') return void (await connection.closed);
    else if (what === 'garbage') await connection.write(`${MARK}-garbage\r\n\r\n`);
    else if (what === 'field') await connection.write(`HTTP/1.1 200 OK\r\n${MARK} field\r\n\r\n`);
    else if (what === 'length') await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${MARK}\r\n\r\n`);
    else if (what === 'reset') return connection.reset();
    else if (what === 'cut') {
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfile');
      return connection.destroy();
    } else if (what === 'endless') {
      await connection.write(`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(200)}`);
    } else if (what === 'loop') await connection.write(redirect(target));
    else if (what === 'script') await connection.write(redirect(`javascript:${MARK}`));
    else if (what === 'broken') await connection.write(redirect(`http://[${MARK}]/${MARK}`));
    else if (what === 'login') await connection.write(redirect(`http://${MARK}:${MARK}@127.0.0.1/`));
    else if (what === 'inside') await connection.write(redirect(`http://10.0.0.1${FAR}`));
    else if (what === 'denied-host') await connection.write(redirect(`http://denied.test${FAR}`));
    else await connection.write(sized('file', [`Content-Type: text/plain; a=${what}`]));
  }
};

/** What each is asked with: a path of the origin server, or a URL; and what its link says besides. */
const failures: readonly [
  what: string,
  status: number | 'cut',
  url: string,
  grant?: Partial<GrantOptions>,
][] = [
  ['nothing', 200, '/whole'],
  ['an address that is not public', 403, 'http://10.0.0.1'],
  ['a host that is denied', 403, 'http://denied.test'],
  ['a port where nobody listens', 502, 'http://127.0.0.1:1'],
  ['a TLS handshake that does not come', 504, 'https:'],
  ['a request that is reset', 502, '/reset'],
  ['a head that is none', 502, '/garbage'],
  ['a field that is none', 502, '/field'],
  ['a length that is none', 502, '/length'],
  ['a head that does not come', 504, '/silent'],
  ['a status that says too much', 502, '/403'],
  ['a status that is kept', 404, '/404'],
  ['a precondition', 412, '/412'],
  ['redirects in a circle', 502, '/loop'],
  ['a redirect to a script', 502, '/script'],
  ['a redirect to no URL', 502, '/broken'],
  ['a redirect with a password', 502, '/login'],
  ['a redirect to a private address', 403, '/inside'],
  ['a redirect to a denied host', 403, '/denied-host'],
  ['a file that is too large', 502, '/whole', { maxBytes: 1 }],
  ['content beyond the limit', 'cut', '/endless', { maxBytes: 100 }],
  ['content that is cut', 'cut', '/cut'],
  ['another client', 403, '/whole', { clientIp: '192.0.2.1' }],
  ['another method', 405, '/whole', { methods: ['HEAD'] }],
];

/** A gateway before the origin server, and everything that it tells anybody. */
async function listenTo(net: Parameters<typeof startGateway>[0], { isSilent = false } = {}) {
  const told: string[] = [];
  const onWarning = (warning: Error) => void told.push(inspect(warning, { depth: 20 }));
  process.on('warning', onWarning);
  onTestFinished(() => void process.off('warning', onWarning));
  const origin = await net.origin(script);
  const errors: SluicewayError[] = [];
  const { gateway, running, records } = await startGateway(net, {
    unsigned: true,
    // What answers has all the time that a busy machine takes.
    ...(isSilent && { timeouts: { connect: 100, responseHead: 100 } }),
    guard: {
      allowHosts: ['*'],
      denyHosts: ['denied.test'],
      allowAddresses: ['127.0.0.0/8'],
      allowPorts: 'any',
    },
    onError: ({ error }) => void errors.push(error),
    observers: [{ onTransferStart: (transfer) => void told.push(inspect(transfer.path)) }],
  });
  const ask = async (target: string): Promise<RawResponse> => {
    const before = records.length;
    const client = await net.client(running);
    await client.get(target);
    const response = await client.readResponse();
    client.close();
    await until(() => records.length === before + 1, 'the transfer was over');
    return response;
  };
  const urlOf = (url: string): string => {
    const base = url === 'https:' ? `https://127.0.0.1:${origin.port}` : url;
    return `${url.startsWith('/') ? `${origin.url}${url}` : base}${FAR}`;
  };
  /** Fails where any of it has a mark, or any of the given texts. */
  const expectHidden = (response: RawResponse, ...hidden: string[]) => {
    const logged = records.map((record) => formatTransferJson(record) + formatTransferText(record));
    const thrown = errors.map((error) => inspect(error, { depth: 20, showHidden: true }));
    const head = response.head.lines.filter((line) => !/^content-disposition:/i.test(line));
    const heard = [...told, ...logged, ...thrown, ...head];
    if (response.head.status >= 300) heard.push(...response.head.lines, response.content.toString());
    for (const text of [MARK, ...hidden]) expect(heard.filter((each) => each.includes(text))).toEqual([]);
  };
  return { gateway, ask, urlOf, expectHidden };
}

describe('what must stay hidden', () => {
  test.for(failures)(
    'is in no log line, error, warning or answer where a link meets %s [Sluiceway]',
    async ([_what, status, url, grant], { net }) => {
      const { gateway, ask, urlOf, expectHidden } = await listenTo(net, { isSilent: status === 504 });
      const link = gateway.sign({
        url: urlOf(url),
        expires: '1h',
        filename: `${MARK}-file.zip`,
        headers: { Authorization: `Bearer ${MARK}-credentials` },
        ...grant,
      });
      const response = await ask(link);
      if (status === 'cut') expect(response.complete).toBe(false);
      else expect(response.head.status).toBe(status);
      expectHidden(response, link.slice(link.indexOf('link=') + 5, -20));
    },
  );

  test.for(failures.filter(([, , , grant]) => grant === undefined))(
    'is nowhere either where a URL without a signature meets %s [Sluiceway]',
    async ([_what, status, url], { net }) => {
      const { ask, urlOf, expectHidden } = await listenTo(net, { isSilent: status === 504 });
      const response = await ask(`/download?url=${encodeURIComponent(urlOf(url))}&filename=${MARK}-file.zip`);
      if (status === 'cut') expect(response.complete).toBe(false);
      else expect(response.head.status).toBe(status);
      expectHidden(response);
    },
  );

  test.for([
    ['a link that is forged', 403, `/download/${MARK}.zip?link=AQJrMQ${MARK}`],
    ['a link that is no token', 403, `/download?link=${MARK}%20${MARK}`],
    [
      'a signed link that is forged',
      403,
      `/download?expires=1&key=k1&url=http%3A%2F%2F${MARK}&signature=${MARK}`,
    ],
    ['a URL that is none', 400, `/download?url=${MARK}`],
    ['a URL with a password', 400, `/download?url=http://${MARK}:${MARK}@127.0.0.1/`],
    ['a URL that is not escaped', 400, `/download?url=http://127.0.0.1/?a=b&X-${MARK}=${MARK}`],
    ['a parameter that nobody knows', 400, `/download?url=http://127.0.0.1/&${MARK}`],
    ['a disposition that is none', 400, `/download?url=http://127.0.0.1/&disposition=${MARK}`],
    ['an escape that is none', 400, `/download?url=http://127.0.0.1/${MARK}%zz`],
  ] as const)(
    'is nowhere either where somebody comes with %s [Sluiceway]',
    async ([_what, status, target], { net }) => {
      const { ask, expectHidden } = await listenTo(net);
      const response = await ask(target);
      expect(response.head.status).toBe(status);
      expectHidden(response);
    },
  );

  test('is in no error of sign, whichever member is wrong [Sluiceway]', async ({ net }) => {
    const { gateway } = await listenTo(net);
    const secret = `${MARK}\n`;
    for (const grant of [
      { url: `ftp://${MARK}.test/${MARK}` },
      { url: `http://${MARK}:${MARK}@a.test/` },
      { url: `http://a.test/\t${MARK}` },
      { headers: { Authorization: secret } },
      { filename: secret },
    ]) {
      let thrown: unknown = null;
      try {
        gateway.sign({ url: 'http://a.test/', expires: '1h', ...grant });
      } catch (error) {
        thrown = error;
      }
      expect(thrown).not.toBeNull();
      expect(inspect(thrown, { depth: 20, showHidden: true })).not.toContain(MARK);
    }
  });
});
