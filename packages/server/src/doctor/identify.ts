import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Chain } from './chain.js';
import { type FieldLines, fieldOf } from './exchange.js';
import { type Product, productOfPage, productsInFields } from './products.js';

/** What the chain tells about itself. */
export interface Hops {
  /** Products in the chain that could be told, in no certain order. */
  products: Product[];
  /** The product of the first hop, by its own error page; null if that is not known. */
  first: Product | null;
  /** `Via` as the origin got it: what is next to the client first. */
  requestVia: string | null;
  /** `Via` as the client got it: what is next to the origin first. */
  responseVia: string | null;
  server: string | null;
}

const WAIT_MS = 3000;

/** Finds the products of a chain by the fields that they add and by the error pages that they make. */
export async function identify(chain: Chain): Promise<Hops> {
  const id = chain.newId();
  const plain = chain.content(id, { size: 10 });
  const dropped = chain.content(chain.newId(), { respond: 'drop' });
  const [refused] = await Promise.all([askBadly(chain), plain.finish(WAIT_MS), dropped.finish(WAIT_MS)]);
  const fields = plain.head?.fields ?? [];
  const seen = await chain.report(id).catch(() => []);
  const requestVia = fieldOf(seen[0]?.fields ?? [], 'via');
  const viaFields: FieldLines = requestVia === null ? [] : [['via', requestVia]];
  const products = [
    ...productsInFields(viaFields),
    ...productsInFields(fields),
    refused,
    dropped.head === null ? null : productOfPage(dropped.head.fields, dropped.beginning.toString('latin1')),
  ].filter((product) => product !== null);
  return {
    products: Array.from(new Set(products)),
    first: refused,
    requestVia,
    responseVia: fieldOf(fields, 'via'),
    server: fieldOf(fields, 'server'),
  };
}

/** Sends a request that no server accepts: the first hop answers it with a page of its own. */
async function askBadly({ base, insecure }: Chain): Promise<Product | null> {
  const host = base.hostname.replace(/^\[|\]$/g, '');
  const isTls = base.protocol === 'https:';
  const port = base.port === '' ? (isTls ? 443 : 80) : Number(base.port);
  const socket: Socket = isTls
    ? connectTls({
        host,
        port,
        rejectUnauthorized: !insecure,
        servername: /^[\d.]+$|:/.test(host) ? '' : host,
      })
    : connectTcp({ host, port });
  const text = await new Promise<string>((resolve) => {
    let received = '';
    const finish = (): void => {
      socket.destroy();
      resolve(received);
    };
    socket.setTimeout(WAIT_MS, finish);
    socket.on('error', finish);
    socket.on('close', finish);
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
      if (received.length > 64 * 1024) finish();
    });
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      socket.write(`GET /\x01 HTTP/1.1\r\nHost: ${base.host}\r\nConnection: close\r\n\r\n`);
    });
  });
  const [head = '', ...content] = text.split('\r\n\r\n');
  const fields = head
    .split('\r\n')
    .slice(1)
    .map((line): [string, string] => [line.split(':', 1)[0] ?? '', line.slice(line.indexOf(':') + 1).trim()]);
  // It is the page of the first hop, whose fields are its own.
  return productOfPage(fields, content.join('\r\n\r\n')) ?? productsInFields(fields).at(-1) ?? null;
}
