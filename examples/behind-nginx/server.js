import { createServer } from 'node:http';
import { attach, createProxy, formatTransferText } from 'sluiceway';

const { ORIGIN = 'http://127.0.0.1:9000', PORT = '8080' } = process.env;

const proxy = createProxy({
  upstream: ORIGIN,
  // What nginx says of the client is believed: the origin server gets it, and so do access, links and hooks.
  trustedProxies: ['127.0.0.1', '::1'],
  onUpstreamRequest({ downstream, upstream }) {
    upstream.fields.set('X-Client', downstream.forwarded.for ?? 'unknown');
  },
  observers: [{ onTransferEnd: (record) => console.log(formatTransferText(record)) }],
});

const server = createServer();
attach(server, proxy);
server.listen(Number(PORT), '127.0.0.1');
