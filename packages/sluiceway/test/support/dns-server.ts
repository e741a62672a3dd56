import { createSocket } from 'node:dgram';
import { promises as dns } from 'node:dns';
import { isIP } from 'node:net';
import type { ResolvedAddress, Resolver, ServiceRecord } from '../../src/net/resolver.js';

/** One record of an answer. The type of an address follows from the address. */
type DnsRecord =
  | string
  | { name: string; cname: string }
  | { name?: string; address: string; ttl?: number }
  | ServiceRecord;

/** The answer of a name server to one question: records, an error, garbage, or nothing. */
export type DnsAnswer = readonly DnsRecord[] | 'servfail' | 'nxdomain' | 'refused' | 'garbage' | 'silence';

export interface DnsServer {
  /** Asks this server over the network, with Node's own client. */
  readonly resolver: Resolver;
  /** `127.0.0.1:<port>`. */
  readonly address: string;
  /** `A name`, `AAAA name` or `SRV name` of each question. */
  readonly asked: readonly string[];
  stop(): Promise<void>;
}

type QuestionType = 'A' | 'AAAA' | 'SRV';
const TYPES: Readonly<Record<QuestionType | 'CNAME', number>> = { A: 1, CNAME: 5, AAAA: 28, SRV: 33 };
const CODES = { servfail: 2, nxdomain: 3, refused: 5 } as const;

/**
 * A name server on UDP (RFC 1035). `answer` is called for each question, with the number of earlier questions of the same
 * kind. Records of other types in its result are left out.
 */
export async function startDns(
  answer: (name: string, type: QuestionType, before: number) => DnsAnswer | Promise<DnsAnswer>,
): Promise<DnsServer> {
  const asked: string[] = [];
  let isOpen = true;
  const socket = createSocket('udp4');
  socket.on('message', (query, { address, port }) => {
    void respond(query).then((response) => {
      if (response !== null && isOpen) socket.send(response, port, address, () => {});
    });
  });
  const respond = async (query: Buffer): Promise<Buffer | null> => {
    const { name, end } = readName(query, 12);
    const asks = query.readUInt16BE(end);
    const type = asks === TYPES.SRV ? 'SRV' : asks === TYPES.AAAA ? 'AAAA' : 'A';
    const question = `${type} ${name}`;
    const before = asked.filter((each) => each === question).length;
    asked.push(question);
    const given = await answer(name, type, before);
    if (given === 'silence') return null;
    if (given === 'garbage') return Buffer.concat([query.subarray(0, 2), Buffer.alloc(40, 0xff)]);
    const records = typeof given === 'string' ? [] : given.flatMap((each) => formatRecord(each, name, type));
    const head = Buffer.alloc(12);
    query.copy(head, 0, 0, 2);
    head.writeUInt16BE(0x8180 | (typeof given === 'string' ? CODES[given] : 0), 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(records.length, 6);
    return Buffer.concat([head, query.subarray(12, end + 4), ...records]);
  };
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const client = new dns.Resolver({ timeout: 2000, tries: 1 });
  const address = `127.0.0.1:${socket.address().port}`;
  client.setServers([address]);
  return {
    address,
    asked,
    resolver: { resolve: (hostname) => resolveBoth(client, hostname) },
    async stop() {
      client.cancel();
      if (!isOpen) return;
      isOpen = false;
      await new Promise<void>((resolve) => socket.close(resolve));
    },
  };
}

/** Addresses of both families, IPv4 first. If there are none, fails with the error for IPv4. */
async function resolveBoth(client: dns.Resolver, hostname: string): Promise<ResolvedAddress[]> {
  const [v4, v6] = await Promise.allSettled([client.resolve4(hostname), client.resolve6(hostname)]);
  const found: ResolvedAddress[] = [];
  if (v4.status === 'fulfilled') found.push(...v4.value.map((address) => ({ address, family: 4 }) as const));
  if (v6.status === 'fulfilled') found.push(...v6.value.map((address) => ({ address, family: 6 }) as const));
  if (found.length === 0 && v4.status === 'rejected') throw v4.reason;
  return found;
}

function readName(message: Buffer, from: number): { name: string; end: number } {
  const labels: string[] = [];
  let at = from;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 };
}

const formatName = (name: string): Buffer =>
  Buffer.concat([
    ...name.split('.').map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, 'latin1')),
    Buffer.of(0),
  ]);

function formatRecord(record: DnsRecord, asked: string, type: QuestionType): Buffer[] {
  const { name = asked, ...rest }: Exclude<DnsRecord, string> =
    typeof record === 'string' ? { address: record } : record;
  if ('port' in rest)
    return type === 'SRV' ? [formatResource(asked, asked, type, toService(name, rest))] : [];
  if ('cname' in rest) return [formatResource(name, asked, 'CNAME', formatName(rest.cname))];
  const family = isIP(rest.address) === 6 ? 'AAAA' : 'A';
  return family === type ? [formatResource(name, asked, type, toBytes(rest.address), rest.ttl)] : [];
}

function formatResource(
  name: string,
  asked: string,
  type: keyof typeof TYPES,
  data: Buffer,
  ttl = 0,
): Buffer {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(TYPES[type], 0);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt32BE(ttl, 4);
  fixed.writeUInt16BE(data.length, 8);
  // A pointer to the name of the question (RFC 1035 section 4.1.4), so that many records fit.
  return Buffer.concat([name === asked ? Buffer.of(0xc0, 12) : formatName(name), fixed, data]);
}

function toService(name: string, { priority, weight, port }: Omit<ServiceRecord, 'name'>): Buffer {
  const numbers = Buffer.alloc(6);
  for (const [index, number] of [priority, weight, port].entries()) numbers.writeUInt16BE(number, 2 * index);
  return Buffer.concat([numbers, name === '' ? Buffer.of(0) : formatName(name)]);
}

function toBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  const hostname = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [before = '', after = ''] = hostname.split('::');
  const groups = (part: string): string[] => part.split(':').filter((group) => group !== '');
  const missing = 8 - groups(before).length - groups(after).length;
  const all = [...groups(before), ...Array<string>(missing).fill('0'), ...groups(after)];
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex');
}
