import { describe, expect } from 'vitest';
import { isSeeded, seededBytes } from '../support/content.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { sized, through } from '../support/through.js';
import { until } from '../support/until.js';

const SIZE = 300_000;
const content = seededBytes('expect', 0, SIZE);
const HEAD = `POST / HTTP/1.1\r\nHost: test\r\nContent-Length: ${SIZE}\r\nExpect: 100-continue\r\n\r\n`;
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

describe('an upload with Expect: 100-continue', () => {
  test("gets the origin server's 100, and only then its content is read [RFC 9110 10.1.1]", async ({
    net,
  }) => {
    const mayContinue = new Gate();
    const { client, origin } = await through(net, async (connection) => {
      const head = await connection.readHead();
      expect(head.get('expect')).toBe('100-continue');
      await mayContinue.opened;
      expect(connection.bytesRead).toBe(head.raw.length);
      await connection.write(CONTINUE);
      const bytes = await connection.readContent(head);
      expect(bytes.length).toBe(SIZE);
      expect(isSeeded('expect', 0, bytes)).toBe(true);
      await connection.write(sized('thanks'));
    });
    await client.send(HEAD);
    await until(() => (origin.connections[0]?.bytesRead ?? 0) > 0, 'the head arrived');
    expect(client.bytesRead).toBe(0);
    mayContinue.open();
    expect((await client.readHead()).startLine).toBe('HTTP/1.1 100 Continue');
    await client.send(content);
    const response = await client.readResponse();
    expect(response.interim).toEqual([]);
    expect(response.content.toString()).toBe('thanks');
    expect(response.head.get('connection')).toBe('keep-alive');
  });

  test.for(['413 Content Too Large', '401 Unauthorized', '200 OK', '303 See Other'])(
    'gets a final %s in place of 100, and none of its content is sent on [RFC 9110 10.1.1]',
    async (status, { net }) => {
      let read = 0;
      const { client, running } = await through(net, async (connection) => {
        const head = await connection.readHead();
        await connection.write(sized('the answer', [], `HTTP/1.1 ${status}`));
        read = (await connection.readAll()).length;
        expect(head.get('expect')).toBe('100-continue');
      });
      await client.send(HEAD);
      const response = await client.readResponse();
      expect(response.interim).toEqual([]);
      expect(response.head.startLine).toBe(`HTTP/1.1 ${status}`);
      expect(response).toMatchObject({ complete: true });
      // What the client would send now could be read as a request.
      expect(response.head.get('connection')).toBe('close');
      expect(await running.record()).toMatchObject({ outcome: 'completed', bytesUp: 0 });
      expect(read).toBe(0);
    },
  );

  test('whose client does not wait is held back until the origin server says 100 [RFC 9110 10.1.1]', async ({
    net,
  }) => {
    const mayContinue = new Gate();
    const { client, origin } = await through(net, async (connection) => {
      const head = await connection.readHead();
      await mayContinue.opened;
      expect(connection.bytesRead).toBe(head.raw.length);
      await connection.write(CONTINUE);
      expect(isSeeded('expect', 0, await connection.readContent(head))).toBe(true);
      await connection.write(sized('thanks'));
    });
    await client.send(HEAD);
    void client.send(content);
    await until(() => (origin.connections[0]?.bytesRead ?? 0) > 0, 'the head arrived');
    mayContinue.open();
    const response = await client.readResponse();
    expect(response.content.toString()).toBe('thanks');
  });

  test('reaches an origin server that never says 100 after a while, and the proxy says it [RFC 9110 10.1.1; Go ReverseProxy]', async ({
    net,
  }) => {
    const { client } = await through(net, async (connection) => {
      const { content: bytes } = await connection.readRequest();
      expect(isSeeded('expect', 0, bytes)).toBe(true);
      await connection.write(sized('thanks'));
    });
    await client.send(HEAD);
    // A client that waits would wait for ever: the origin server waits too.
    expect((await client.readHead()).startLine).toBe('HTTP/1.1 100 Continue');
    await client.send(content);
    const response = await client.readResponse();
    expect(response.interim).toEqual([]);
    expect(response.content.toString()).toBe('thanks');
    // Everything that it sent has been read.
    expect(response.head.get('connection')).toBe('keep-alive');
  });

  test('gets other interim responses as well, and one 100 however many there are [RFC 9110 15.2; nginx]', async ({
    net,
  }) => {
    const { client } = await through(net, async (connection) => {
      const head = await connection.readHead();
      await connection.write(`HTTP/1.1 102 Processing\r\n\r\n${CONTINUE}${CONTINUE}`);
      await connection.readContent(head);
      await connection.write(sized('thanks'));
    });
    await client.send(HEAD);
    expect((await client.readHead()).status).toBe(102);
    expect((await client.readHead()).status).toBe(100);
    await client.send(content);
    const response = await client.readResponse();
    expect(response.interim).toEqual([]);
    expect(response.content.toString()).toBe('thanks');
  });

  test('that is refused by the proxy itself gets no 100 and reaches nobody [RFC 9110 10.1.1]', async ({
    net,
  }) => {
    const { client, origin } = await through(net, () => {}, {
      onRequest: () => ({ status: 403, content: 'no' }),
    });
    await client.send(HEAD);
    const response = await client.readResponse();
    expect(response.interim).toEqual([]);
    expect(response.head.status).toBe(403);
    expect(response.head.get('connection')).toBe('close');
    expect(origin.total).toBe(0);
  });

  test('whose client leaves while it waits is given up at the origin server too [RFC 9110 10.1.1; Caddy]', async ({
    net,
  }) => {
    const { client, origin, running } = await through(net, async (connection) => {
      await connection.readAll();
    });
    await client.send(HEAD);
    await until(() => (origin.connections[0]?.bytesRead ?? 0) > 0, 'the head arrived');
    client.close();
    await origin.connections[0]?.closed;
    expect(await running.record()).toMatchObject({ outcome: 'client_aborted', bytesUp: 0 });
  });

  test('whose origin server is gone gets 502 and no 100 [RFC 9110 10.1.1]', async ({ net }) => {
    const { client } = await through(net, (connection) => connection.destroy());
    await client.send(HEAD);
    const response = await client.readResponse();
    expect(response.interim).toEqual([]);
    expect(response.head.status).toBe(502);
  });
});
