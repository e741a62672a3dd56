import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { through } from '../support/through.js';

/** Lets an origin server wait until the client has seen what was sent so far. */
class Steps {
  readonly #gates: Gate[] = [];
  #next = 0;

  /** For the origin server: waits for the next step. */
  next(): Promise<void> {
    const gate = new Gate();
    this.#gates.push(gate);
    return gate.opened;
  }

  /** For the client: lets the origin server go on. */
  go(): void {
    this.#gates[this.#next]?.open();
    this.#next += 1;
  }
}

describe('what the origin server has sent is with the client before it sends more:', () => {
  test.for(['Content-Length: 5', 'Transfer-Encoding: chunked', 'X-Until: close'])(
    'a head with %s [Go ReverseProxy]',
    async (line, { net }) => {
      const steps = new Steps();
      const { client } = await through(net, async (connection) => {
        await connection.readHead();
        await connection.write(`HTTP/1.1 200 OK\r\n${line}\r\n\r\n`);
        await steps.next();
        await connection.write(line.includes('chunked') ? '5\r\nhello\r\n0\r\n\r\n' : 'hello');
        connection.end();
      });
      await client.get('/');
      const head = await client.readHead();
      expect(head.status).toBe(200);
      steps.go();
      const { content, complete } = await client.readContent(head);
      expect(complete).toBe(true);
      expect(content.toString()).toBe('hello');
    },
  );

  test('each byte of sized content [Go ReverseProxy]', async ({ net }) => {
    const steps = new Steps();
    const { client } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n');
      for (const byte of 'hello') {
        await connection.write(byte);
        await steps.next();
      }
    });
    await client.get('/');
    await client.readHead();
    for (const byte of 'hello') {
      expect((await client.readExactly(1)).toString()).toBe(byte);
      steps.go();
    }
  });

  test.for(['text/event-stream', 'text/event-stream; charset=utf-8', 'Text/Event-Stream;retry=1'])(
    'each event of an event stream (%s) [WHATWG HTML 9.2; Go ReverseProxy]',
    async (type, { net }) => {
      const steps = new Steps();
      const { client } = await through(net, async (connection) => {
        await connection.readHead();
        await connection.write(
          `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`,
        );
        for (let i = 0; i < 20; i++) {
          const event = `data: ${i}\n\n`;
          await connection.write(`${event.length.toString(16)}\r\n${event}\r\n`);
          await steps.next();
        }
        await connection.write('0\r\n\r\n');
      });
      await client.get('/events');
      const head = await client.readHead();
      expect(head.get('content-type')).toBe(type);
      for (let i = 0; i < 20; i++) {
        const size = await client.readThrough('\r\n');
        expect(size).toBe(`${`data: ${i}\n\n`.length.toString(16)}\r\n`);
        expect(await client.readThrough('\n\n\r\n')).toBe(`data: ${i}\n\n\r\n`);
        steps.go();
      }
      expect(await client.readThrough('0\r\n\r\n')).toBe('0\r\n\r\n');
    },
  );

  test('the first part of a chunk whose rest is late [Go ReverseProxy]', async ({ net }) => {
    const steps = new Steps();
    const { client } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100\r\nfirst');
      await steps.next();
      await connection.write(`${'x'.repeat(251)}\r\n0\r\n\r\n`);
    });
    await client.get('/');
    await client.readHead();
    await client.readThrough('\r\n');
    expect((await client.readExactly(5)).toString()).toBe('first');
    steps.go();
    await client.readThrough('0\r\n\r\n');
  });

  test('each piece of an upload, the other way round [Caddy]', async ({ net }) => {
    const steps = new Steps();
    const { client } = await through(net, async (connection) => {
      await connection.readHead();
      for (let i = 0; i < 10; i++) {
        const size = await connection.readThrough('\r\n');
        expect(await connection.readThrough('\r\n')).toBe(`piece ${i}\r\n`);
        expect(size).toBe('7\r\n');
        steps.go();
      }
      await connection.readThrough('0\r\n\r\n');
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
    await client.send('POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (let i = 0; i < 10; i++) {
      const step = steps.next();
      await client.send(`7\r\npiece ${i}\r\n`);
      await step;
    }
    await client.send('0\r\n\r\n');
    expect((await client.readResponse()).complete).toBe(true);
  });
});

test('a head that comes byte by byte passes [RFC 9112 2.2]', async ({ net }) => {
  const { client } = await through(net, async (connection) => {
    for (;;) {
      await connection.readHead();
      for (const byte of 'HTTP/1.1 200 Fine\r\nX-A: b\r\nContent-Length: 2\r\n\r\nok')
        await connection.write(byte);
    }
  });
  for (let i = 0; i < 2; i++) {
    await client.get('/');
    const response = await client.readResponse();
    expect(response.head.startLine).toBe('HTTP/1.1 200 Fine');
    expect(response.head.get('x-a')).toBe('b');
    expect(response.content.toString()).toBe('ok');
  }
});
