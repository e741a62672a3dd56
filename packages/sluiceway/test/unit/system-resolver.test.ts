import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { ResolvedAddress } from '../../src/net/resolver.js';
import type { SystemLookup } from '../../src/net/system-lookup.js';
import { SystemResolver } from '../../src/net/system-resolver.js';
import { type DnsAnswer, startDns } from '../support/dns-server.js';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
  vi.unstubAllEnvs();
});

interface Names {
  hosts?: string;
  resolv?: string;
  nsswitch?: string;
  /** What the name server says; a name that is not there does not exist. */
  dns?: Readonly<Record<string, DnsAnswer>>;
  /** What the operating system's resolver says; a name that is not there does not exist. */
  system?: Readonly<Record<string, string>>;
  servers?: readonly string[];
  /** A file that cannot be read although it is there, and how. */
  unreadable?: readonly [file: 'hosts' | 'resolv.conf' | 'nsswitch.conf', how: 'loop' | 'folder'];
}

async function start({
  hosts = '',
  resolv = '',
  nsswitch,
  dns = {},
  system = {},
  servers,
  unreadable,
}: Names) {
  const server = await startDns((name) => dns[name] ?? 'nxdomain');
  const folder = mkdtempSync(join(tmpdir(), 'sluiceway-names-'));
  stops.push(
    () => server.stop(),
    () => rmSync(folder, { recursive: true }),
  );
  writeFileSync(join(folder, 'hosts'), hosts);
  writeFileSync(join(folder, 'resolv.conf'), resolv);
  if (nsswitch !== undefined) writeFileSync(join(folder, 'nsswitch.conf'), nsswitch);
  if (unreadable !== undefined) {
    const [file, how] = unreadable;
    rmSync(join(folder, file), { force: true });
    if (how === 'loop') symlinkSync(file, join(folder, file));
    else mkdirSync(join(folder, file));
  }
  const looked: string[] = [];
  const lookup: SystemLookup = {
    async lookup(name): Promise<ResolvedAddress[]> {
      looked.push(name);
      const address = system[name];
      if (address === undefined) throw Object.assign(new Error(name), { code: 'ENOTFOUND' });
      return [{ address, family: 4 }];
    },
  };
  const resolver = new SystemResolver({
    files: {
      hosts: join(folder, 'hosts'),
      resolv: join(folder, 'resolv.conf'),
      nsswitch: join(folder, 'nsswitch.conf'),
    },
    servers: servers ?? [server.address],
    lookup,
    asksDns: true,
  });
  const find = async (name: string): Promise<string[]> =>
    (await resolver.resolve(name)).map(({ address }) => address).toSorted();
  return { server, looked, resolver, find };
}

/** The names that the name server was asked for, without the family. */
const namesAsked = (asked: readonly string[]): string[] => [
  ...new Set(asked.map((each) => each.replace(/^A+ /, ''))),
];

describe('a name is resolved as the operating system does it', () => {
  test('from the hosts file, whatever DNS says, in any case and with a trailing dot [hosts(5)]', async () => {
    const { find, server, looked } = await start({
      hosts: '# 192.0.2.9 db\n192.0.2.1 db.internal DB # 192.0.2.8 db\n2001:db8::1 db\nnonsense db\n',
      dns: { db: ['192.0.2.7'] },
    });
    expect(await find('db')).toEqual(['192.0.2.1', '2001:db8::1']);
    expect(await find('Db.Internal.')).toEqual(['192.0.2.1']);
    expect(server.asked).toEqual([]);
    expect(looked).toEqual([]);
  });

  test('from DNS, with the addresses of both families [RFC 3596 2.1]', async () => {
    const { find, looked } = await start({
      dns: { 'files.test': ['192.0.2.1', '192.0.2.2', '2001:db8::1'] },
    });
    expect(await find('files.test')).toEqual(['192.0.2.1', '192.0.2.2', '2001:db8::1']);
    expect(looked).toEqual([]);
  });

  test.for([
    ['a name of one label, such as a service of Docker', '', 'web', ['web']],
    [
      'a name of one label under the search domains first',
      'search a.test b.test',
      'web',
      ['web.a.test', 'web.b.test', 'web'],
    ],
    ['a name with dots as it is first', 'search a.test', 'web.x', ['web.x', 'web.x.a.test']],
    [
      'ndots of Kubernetes',
      'search ns.svc a.test\noptions timeout:1 ndots:5',
      'web.x',
      ['web.x.ns.svc', 'web.x.a.test', 'web.x'],
    ],
    ['a domain line', 'domain a.test', 'web', ['web.a.test', 'web']],
    ['the last of several lines', 'search b.test\ndomain a.test # b.test', 'web', ['web.a.test', 'web']],
    ['a trailing dot alone', 'search a.test', 'web.', ['web']],
  ] as const)(
    'with the search domains of resolv.conf: %s [resolv.conf(5)]',
    async ([, resolv, name, asked]) => {
      const { find, server } = await start({ resolv, dns: { web: ['192.0.2.1'], 'web.x': ['192.0.2.1'] } });
      if (asked.at(-1) === 'web' || asked.at(-1) === 'web.x') expect(await find(name)).toEqual(['192.0.2.1']);
      else await find(name);
      expect(namesAsked(server.asked)).toEqual(
        asked.slice(0, asked.findIndex((each) => each === 'web' || each === 'web.x') + 1),
      );
    },
  );

  test('with LOCALDOMAIN and RES_OPTIONS in place of resolv.conf [resolv.conf(5)]', async () => {
    vi.stubEnv('LOCALDOMAIN', 'env.test');
    vi.stubEnv('RES_OPTIONS', 'ndots:2');
    const { find } = await start({ resolv: 'search a.test', dns: { 'web.x.env.test': ['192.0.2.1'] } });
    expect(await find('web.x')).toEqual(['192.0.2.1']);
  });

  test.for(['localhost', 'LOCALHOST.', 'app.localhost'])(
    '%s is loopback, and no question for DNS [RFC 6761 6.3]',
    async (name) => {
      const { find, server } = await start({
        dns: { localhost: ['192.0.2.1'], 'app.localhost': ['192.0.2.1'] },
      });
      expect(await find(name)).toEqual(['127.0.0.1', '::1']);
      expect(server.asked).toEqual([]);
    },
  );

  test('although a fast name server takes longer for it than c-ares waits [resolv.conf(5)]', async () => {
    let asked = 0;
    const server = await startDns((name) => {
      if (name !== 'slow.test') return ['192.0.2.1'];
      asked += 1;
      // More than three tries for two families.
      return asked <= 8 ? 'silence' : ['192.0.2.2'];
    });
    stops.push(() => server.stop());
    const { find } = await start({ servers: [server.address] });
    for (let i = 0; i < 4; i += 1) await find(`fast${i}.test`);
    expect(await find('slow.test')).toEqual(['192.0.2.2']);
  });

  test('although the name server is silent about IPv6 [RFC 8305 3]', async () => {
    const server = await startDns((_name, type) => (type === 'A' ? ['192.0.2.1'] : 'silence'));
    stops.push(() => server.stop());
    const { find } = await start({ servers: [server.address] });
    expect(await find('files.test')).toEqual(['192.0.2.1']);
  });
});

describe('the resolver of the operating system is asked', () => {
  test.for([
    ['for a name that DNS does not know', { dns: {} }],
    ['for a name without an address', { dns: { 'printer.test': [] } }],
    ['where no name server can be reached', { servers: ['127.0.0.1:1'] }],
    ['alone where the Name Service Switch does not name DNS', { nsswitch: 'hosts: files\n' }],
    [
      'alone where another source comes before DNS',
      { nsswitch: 'hosts: files ldap [NOTFOUND=return] dns\n' },
    ],
    // As with Node's permission model, which hides these files from us and not from getaddrinfo.
    ['alone where we may not look at the hosts file', { unreadable: ['hosts', 'loop'] }],
    ['alone where we may not read the hosts file', { unreadable: ['hosts', 'folder'] }],
    ['alone where we may not read resolv.conf', { unreadable: ['resolv.conf', 'loop'] }],
    ['alone where we may not read the Name Service Switch', { unreadable: ['nsswitch.conf', 'loop'] }],
  ] as const)('%s [nsswitch.conf(5)]', async ([how, names]) => {
    const { find, looked, server } = await start({ system: { 'printer.test': '192.0.2.5' }, ...names });
    expect(await find('printer.test')).toEqual(['192.0.2.5']);
    expect(looked).toEqual(['printer.test']);
    if (how.startsWith('alone')) expect(server.asked).toEqual([]);
  });

  test.for(['files dns', 'files mdns4_minimal [NOTFOUND=return] dns', 'resolve [!UNAVAIL=return] files dns'])(
    'only after DNS with `hosts: %s` [nsswitch.conf(5)]',
    async (sources) => {
      const { find, looked } = await start({
        nsswitch: `passwd: files\nhosts:  ${sources}\n`,
        dns: { 'files.test': ['192.0.2.1'] },
      });
      expect(await find('files.test')).toEqual(['192.0.2.1']);
      expect(looked).toEqual([]);
    },
  );

  test('for names in local where DNS cannot tell, and for no others [RFC 6762 3]', async () => {
    const { find, looked } = await start({
      dns: { 'printer.local': 'servfail', 'broken.test': 'servfail' },
      system: { 'printer.local': '192.0.2.5', 'broken.test': '192.0.2.6' },
    });
    expect(await find('printer.local')).toEqual(['192.0.2.5']);
    await expect(find('broken.test')).rejects.toMatchObject({ code: 'dns_error' });
    expect(looked).toEqual(['printer.local']);
  });

  test('as well where DNS has been silent from the start [Sluiceway]', async () => {
    const { find } = await start({ dns: { 'files.test': 'silence' }, system: { 'files.test': '192.0.2.5' } });
    expect(await find('files.test')).toEqual(['192.0.2.5']);
  });
});

test('names whose name servers never answer hold up no other name, and no thread [Sluiceway]', async () => {
  const dns: Record<string, DnsAnswer> = { 'fast.test': ['192.0.2.1'], 'silent.test': 'silence' };
  const { resolver, find, looked } = await start({ dns });
  await find('fast.test');
  const settled: string[] = [];
  const silent = Array.from({ length: 50 }, () =>
    resolver.resolve('silent.test').catch(() => settled.push('silent')),
  );
  expect(await find('fast.test')).toEqual(['192.0.2.1']);
  expect(settled).toEqual([]);
  expect(looked).toEqual([]);
  // They end with the answer to the next question, and not only after ten seconds.
  dns['silent.test'] = ['192.0.2.2'];
  await Promise.all(silent);
});

test('lookups of one name under way are one, and the next asks again [Sluiceway]', async () => {
  const { find, server } = await start({ dns: { 'files.test': ['192.0.2.1'] } });
  await Promise.all([find('files.test'), find('FILES.test'), find('files.test')]);
  expect(server.asked).toEqual(['A files.test', 'AAAA files.test']);
  await find('files.test');
  expect(server.asked).toHaveLength(4);
});

test('a client whose lookup waits for its turn does not hold up another that wants the same name [Sluiceway]', async () => {
  const resolver = new SystemResolver({
    asksDns: false,
    lookup: {
      lookup: (_name, client) =>
        client === '192.0.2.1'
          ? new Promise(() => {})
          : Promise.resolve([{ address: '192.0.2.9', family: 4 }]),
    },
  });
  void resolver.resolve('files.test', '192.0.2.1');
  expect(await resolver.resolve('files.test', '192.0.2.2')).toEqual([{ address: '192.0.2.9', family: 4 }]);
});
