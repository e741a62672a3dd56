import { createServer } from 'node:http';
import { attach, bearer, createProxy, formatTransferText, mount, stripPrefix } from 'sluiceway';

const {
  ORIGIN = 'http://127.0.0.1:9000',
  PORT = '8080',
  TOKEN = 'a-token-of-32-characters-or-more',
} = process.env;

const uploads = createProxy({
  upstream: `${ORIGIN}/incoming`,
  // Judged before a byte of the upload is read. The origin server never sees the token.
  access: bearer({ [TOKEN]: 'uploader' }),
  // Announced or not: more is refused with 413, or breaks the upload off.
  limits: { requestContent: '5GiB' },
  onRequest({ method }) {
    if (method !== 'PUT' && method !== 'POST') return { status: 405, fields: { Allow: 'PUT, POST' } };
    return undefined;
  },
  observers: [{ onTransferEnd: (record) => console.log(formatTransferText(record)) }],
});

// `attach` takes off Node's limit of five minutes for a request, and lets the origin server decide about `100 Continue`.
const server = createServer();
attach(server, mount({ '/uploads': stripPrefix('/uploads', uploads) }));
server.listen(Number(PORT));
