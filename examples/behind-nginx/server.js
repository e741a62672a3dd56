import { createServer } from 'node:http';
import { attach, createProxy, formatTransferText } from 'sluiceway';

const { ORIGIN = 'http://127.0.0.1:9000', PORT = '8080' } = process.env;

const proxy = createProxy({
  upstream: ORIGIN,
  // Trusts the forwarding fields of nginx: the origin server, access, links and hooks get the client that it names.
  trustedProxies: ['127.0.0.1', '::1'],
  onUpstreamRequest({ request, upstreamRequest }) {
    upstreamRequest.headers.set('X-Client', request.forwarded.for ?? 'unknown');
  },
  observers: [{ onTransferEnd: (record) => console.log(formatTransferText(record)) }],
});

const server = createServer();
attach(server, proxy);
server.listen(Number(PORT), '127.0.0.1');
