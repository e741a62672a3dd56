import { createServer } from 'node:http';
import { attach, bearer, createProxy, formatTransferText, mount, stripPrefix } from 'sluiceway';

const {
  ORIGIN = 'http://127.0.0.1:9000',
  PORT = '8080',
  TOKEN = 'a-token-of-32-characters-or-more',
} = process.env;

const uploads = createProxy({
  upstream: `${ORIGIN}/incoming`,
  // Runs before any content is read. The origin server does not get the token.
  access: bearer({ [TOKEN]: 'uploader' }),
  // A larger upload gets 413. If its length is not known in advance, it breaks off at the limit.
  limits: { requestContent: '5GiB' },
  onRequest({ request: { method } }) {
    if (method !== 'PUT' && method !== 'POST') return { status: 405, headers: { Allow: 'PUT, POST' } };
    return undefined;
  },
  observers: [{ onTransferEnd: (record) => console.log(formatTransferText(record)) }],
});

// `attach` disables Node's limit of five minutes for a request, and lets the origin server decide about `100 Continue`.
const server = createServer();
attach(server, mount({ '/uploads': stripPrefix('/uploads', uploads) }));
server.listen(Number(PORT));
