import { type ClientHttp2Session, connect as connectHttp2, type OutgoingHttpHeaders } from 'node:http2';
import { connect } from 'node:tls';
import { type Chain, NotTested } from '../chain.js';
import { formatCount, type Probe } from '../probe.js';
import { BREAK_AT, type Break, breaks, SIZE } from './integrity.js';

const FINISH_MS = 10_000;

/** Whether clients can use HTTP/2, which many need for parallel requests. */
export const protocols: Probe = {
  name: 'protocols',
  title: 'which protocols clients can use',
  kinds: ['http2-missing'],
  async run(chain) {
    const protocol = await negotiate(chain);
    if (protocol === 'h2') return [];
    return [
      {
        kind: 'http2-missing',
        message: 'Clients are not offered HTTP/2',
        evidence: { protocol: protocol === '' ? null : protocol },
      },
    ];
  },
};

function negotiate({ base, insecure }: Chain): Promise<string> {
  if (base.protocol !== 'https:') throw new NotTested('HTTP/2 needs an https: URL');
  const { hostname, port } = base;
  const host = hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port: port === '' ? 443 : Number(port),
      ALPNProtocols: ['h2', 'http/1.1'],
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
  async run(chain) {
    if ((await negotiate(chain)) !== 'h2') throw new NotTested('clients are not offered HTTP/2');
    const session = connectHttp2(chain.base.origin, { rejectUnauthorized: !chain.insecure });
    session.on('error', () => {});
    try {
      const results = await Promise.all(breaks.map((each) => breakDownload(session, chain, each)));
      const completed = breaks.filter((_, i) => results[i]);
      if (completed.length === 0) return [];
      return [
        {
          kind: 'http2-completed',
          message: `Over HTTP/2, a broken download looks whole: the chain ends a response ${completed.map(({ how }) => how).join(', and one ')}, as if it were complete after ${formatCount(BREAK_AT)} of ${formatCount(SIZE)} bytes`,
          evidence: { sent: BREAK_AT, of: SIZE },
        },
      ];
    } finally {
      session.destroy();
    }
  },
};

/** Whether a response that the origin breaks off ends as a complete one. */
function breakDownload(
  session: ClientHttp2Session,
  chain: Chain,
  { script, fields = {} }: Break,
): Promise<boolean> {
  const url = chain.urlOf({ size: SIZE, breakAt: BREAK_AT, ...script, id: chain.newId(), action: 'content' });
  const headers: OutgoingHttpHeaders = { ':path': url.pathname, 'user-agent': 'sluiceway-doctor' };
  const stream = session.request({ ...headers, ...chain.fields, ...fields });
  let status = 0;
  let isEnded = false;
  stream.setTimeout(FINISH_MS, () => stream.close());
  stream.on('response', (response) => {
    status = response[':status'] ?? 0;
  });
  stream.on('end', () => {
    isEnded = true;
  });
  stream.resume();
  return new Promise((resolve) => {
    let isBroken = false;
    stream.on('error', () => {
      isBroken = true;
    });
    stream.on('close', () =>
      resolve(status === 200 && isEnded && !isBroken && !stream.aborted && stream.rstCode === 0),
    );
  });
}
