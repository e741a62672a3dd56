import { expect } from 'vitest';
import { streamFrom } from '../../src/index.js';
import { test } from '../support/fixture.js';
import { startGateway } from '../support/gateway.js';
import { nodeOrigin } from '../support/node-origin.js';
import { startServer } from '../support/servers.js';

/** An origin server that answers with the `Accept-Encoding` that it gets, coded all the same with `/coded`. */
const echo: Parameters<typeof nodeOrigin>[1] = ({ headers, url }, response) => {
  if (url === '/coded') response.setHeader('Content-Encoding', 'x-test');
  response.end(headers['accept-encoding'] ?? 'none');
};

const SENT = [['Accept-Encoding: gzip, br'], []];

test.for([
  ['pass', ['gzip, br', 'none']],
  ['identity', ['identity', 'identity']],
] as const)(
  'with acceptEncoding: %s a proxy, streamFrom and a gateway ask for the right codings [Sluiceway]',
  async ([acceptEncoding, expected], { net }) => {
    const origin = await nodeOrigin(net, echo);
    const proxy = await net.proxy({ upstream: origin.url, acceptEncoding });
    const streamer = await startServer(
      (request, response) =>
        void streamFrom(request, response, origin.url, { addresses: 'any', acceptEncoding }),
    );
    net.cleanup(() => streamer.stop());
    const { gateway, running } = await startGateway(net, { acceptEncoding });
    const link = gateway.sign({ url: origin.url, expires: '1h' });
    for (const [server, path] of [
      [proxy, '/'],
      [streamer, '/'],
      [running, link],
    ] as const) {
      const client = await net.client(server);
      const seen: string[] = [];
      for (const lines of SENT) {
        await client.get(path, lines);
        seen.push((await client.readResponse()).content.toString());
      }
      expect(seen).toEqual(expected);
    }
  },
);

test('a link overrides the option acceptEncoding of its gateway [Sluiceway]', async ({ net }) => {
  const origin = await nodeOrigin(net, echo);
  for (const [ofGateway, ofLink, expected] of [
    ['pass', 'identity', 'identity'],
    ['identity', 'pass', 'gzip, br'],
  ] as const) {
    const { gateway, running } = await startGateway(net, { acceptEncoding: ofGateway });
    const client = await net.client(running);
    await client.get(gateway.sign({ url: origin.url, expires: '1h', acceptEncoding: ofLink }), SENT[0]);
    expect((await client.readResponse()).content.toString()).toBe(expected);
  }
});

test('a response that is coded all the same passes with its coding [Sluiceway]', async ({ net }) => {
  const origin = await nodeOrigin(net, echo);
  const running = await net.proxy({ upstream: origin.url, acceptEncoding: 'identity' });
  const client = await net.client(running);
  await client.get('/coded');
  const { head, complete } = await client.readResponse();
  expect([head.status, head.get('content-encoding'), complete]).toEqual([200, 'x-test', true]);
});

test('a hook or headers.request can ask for a coding again [Sluiceway]', async ({ net }) => {
  const origin = await nodeOrigin(net, echo);
  const running = await net.proxy({
    upstream: origin.url,
    acceptEncoding: 'identity',
    headers: { request: { set: { 'Accept-Encoding': 'br' } } },
  });
  const client = await net.client(running);
  await client.get('/');
  expect((await client.readResponse()).content.toString()).toBe('br');
});
