import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeAuthority, makeCertificate } from '../../../sluiceway/test/support/certificates.js';
import { freePort } from '../../../sluiceway/test/support/daemon.js';
import { type DnsAnswer, startDns } from '../../../sluiceway/test/support/dns-server.js';
import type { Network } from '../../../sluiceway/test/support/fixture.js';
import type { Tool } from '../../../sluiceway/test/support/requirements.js';
import { scratchFolder } from '../../../sluiceway/test/support/tool.js';
import { until } from '../../../sluiceway/test/support/until.js';

/** Pebble, the ACME test server of Let's Encrypt. */
export interface Pebble {
  /** The URL of its directory. */
  directory: string;
  /** A file with the authority that signs the certificate of the directory. */
  caFile: string;
  /** What it has logged. */
  log(): string;
}

interface PebbleOptions {
  /** The port at which it asks for challenges, in place of 80. */
  httpPort: number;
  /** The port at which it asks for challenges over TLS, in place of 443. */
  tlsPort?: number;
  /** What its name server answers. Default: every name is 127.0.0.1. */
  resolve?: (name: string) => DnsAnswer;
  /** MAC keys by key identifier. With any, accounts need one. */
  externalAccounts?: Record<string, string>;
  env?: Record<string, string>;
}

export async function startPebble(net: Network, tool: Tool, options: PebbleOptions): Promise<Pebble> {
  const { httpPort, tlsPort = 9, resolve = () => ['127.0.0.1'], externalAccounts, env = {} } = options;
  const folder = scratchFolder(net);
  const authority = await makeAuthority();
  const { cert, key } = await makeCertificate(['127.0.0.1'], { issuer: authority });
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const port = await freePort();
  const config = file(
    'pebble.json',
    JSON.stringify({
      pebble: {
        listenAddress: `127.0.0.1:${port}`,
        certificate: file('cert.pem', cert),
        privateKey: file('key.pem', key),
        httpPort,
        tlsPort,
        externalAccountBindingRequired: externalAccounts !== undefined,
        ...(externalAccounts !== undefined && { externalAccountMACKeys: externalAccounts }),
      },
    }),
  );
  const dns = await startDns(resolve);
  net.cleanup(() => dns.stop());
  const child = spawn(tool.path, ['-strict', '-config', config, '-dnsserver', dns.address], {
    env: { ...process.env, PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
  const exited = new Promise((settle) => child.once('exit', settle));
  net.cleanup(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  await until(() => {
    if (child.exitCode !== null) throw new Error(`pebble ended: ${log}`);
    return log.includes('ACME directory available at');
  }, 'pebble listened');
  return {
    directory: `https://127.0.0.1:${port}/dir`,
    caFile: file('ca.pem', authority.cert),
    log: () => log,
  };
}
