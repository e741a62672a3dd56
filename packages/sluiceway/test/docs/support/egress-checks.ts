import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect } from 'vitest';
import type { Check } from './example.js';

/** Checks of the examples that reach the origin server in another way. */
export const egressChecks: Readonly<Record<string, Check>> = {
  'a mock of undici answers in place of an origin server': async (example) => {
    const running = await example.run();
    const response = await running.send('/report');
    expect([response.head.status, response.content.toString()]).toEqual([200, 'A report.\n']);
    expect((await running.send('/other')).head.status).toBe(503);
  },

  'the origin server is reached through an egress proxy': async (example) => {
    const asked: (string | undefined)[][] = [];
    const egress = createServer();
    egress.on('connect', (request, client) => {
      asked.push([request.url, request.headers['proxy-authorization']]);
      const origin = connect(example.origin.port, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        origin.pipe(client).pipe(origin);
      });
      for (const socket of [origin, client]) socket.on('error', () => origin.destroy());
    });
    await new Promise<void>((resolve) => egress.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = egress.address() as AddressInfo;
      example.replacements
        .set('https://files', 'http://files')
        .set('proxy.example.com:3128', `127.0.0.1:${port}`);
      const running = await example.run();
      const response = await running.send('/files/a');
      expect(response.content.toString()).toBe('this is /files/a');
      const basic = Buffer.from('user:secret').toString('base64');
      expect(asked).toEqual([['files.example.com:80', `Basic ${basic}`]]);
    } finally {
      egress.close();
    }
  },
};
