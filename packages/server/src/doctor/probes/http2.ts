import { connect } from 'node:tls';
import { type Chain, NotTested, type Protocol } from '../chain.js';
import { describeEnd, formatCount, type Probe } from '../probe.js';
import { BREAK_AT, breakDownload, breaks, SIZE } from './integrity.js';

const FINISH_MS = 10_000;

/** Whether clients can use HTTP/2, which many need for parallel requests. */
export const protocols: Probe = {
  name: 'protocols',
  title: 'which protocols clients can use',
  kinds: ['http2-missing', 'http2-refused'],
  isHttp1: true,
  isOfFirstHop: true,
  isExact: true,
  async run(chain) {
    const protocol = await negotiate(chain, ['h2', 'http/1.1']);
    if (protocol !== 'h2') {
      return [
        {
          kind: 'http2-missing',
          protocols: ['h2'],
          message: `Clients are not offered HTTP/2: the first hop chooses ${protocol === '' ? 'no protocol in its TLS handshake' : protocol}`,
          evidence: { protocol: protocol === '' ? null : protocol },
        },
      ];
    }
    const { http2 } = chain;
    const exchange = http2.open({ url: http2.urlOf({ id: http2.newId(), action: 'hello' }) });
    const { how } = await exchange.finish(FINISH_MS);
    if (how === 'complete') return [];
    return [
      {
        kind: 'http2-refused',
        protocols: ['h2'],
        message: `Clients are offered HTTP/2, and a request over it ${describeEnd(exchange)}`,
        evidence: { status: exchange.head?.status ?? null },
      },
    ];
  },
};

/** The protocol that the first hop chooses of these; an empty string for none. Throws `NotTested`. */
export function negotiate({ base, insecure }: Chain, offered: readonly Protocol[]): Promise<string> {
  if (base.protocol !== 'https:') throw new NotTested('HTTP/2 needs an https: URL');
  const { hostname, port } = base;
  const host = hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port: port === '' ? 443 : Number(port),
      ALPNProtocols: [...offered],
      rejectUnauthorized: !insecure,
      ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    });
    const fail = (reason: string): void => {
      socket.destroy();
      reject(new NotTested(reason));
    };
    socket.setTimeout(FINISH_MS, () => fail('no answer to a TLS handshake'));
    socket.once('error', (error: Error) => fail(error.message));
    socket.once('secureConnect', () => {
      const { alpnProtocol } = socket;
      socket.destroy();
      resolve(typeof alpnProtocol === 'string' ? alpnProtocol : '');
    });
  });
}

/** The same as `brokenDownloads`, over HTTP/2: some proxies reset a stream only in HTTP/1 (RFC 9113 section 8.1). */
export const http2Downloads: Probe = {
  name: 'http2-downloads',
  title: 'whether a download that breaks looks whole over HTTP/2',
  kinds: ['http2-completed'],
  isHttp1: true,
  async run(chain) {
    if ((await negotiate(chain, ['h2', 'http/1.1'])) !== 'h2')
      throw new NotTested('clients are not offered HTTP/2');
    const results = await Promise.all(breaks.map((each) => breakDownload(chain.http2, each)));
    const completed = results.filter((each) => each !== null);
    if (completed.length === 0) return [];
    return [
      {
        kind: 'http2-completed',
        protocols: ['h2'],
        message: `Over HTTP/2, a broken download looks whole: the chain ends a response ${completed.map(({ how }) => how).join(', and one ')}, as if it were complete after ${formatCount(BREAK_AT)} of ${formatCount(SIZE)} bytes`,
        evidence: { sent: BREAK_AT, of: SIZE },
      },
    ];
  },
};
