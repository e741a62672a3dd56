import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLinks, formatKeys, type GrantOptions, generateKey, type Key } from 'sluiceway/gateway';
import type { Network } from '../../../sluiceway/test/support/fixture.js';
import type { RawResponse } from '../../../sluiceway/test/support/raw-client.js';
import {
  type OriginOptions,
  type OriginScript,
  respondWith,
} from '../../../sluiceway/test/support/raw-origin.js';
import { sized } from '../../../sluiceway/test/support/through.js';
import { scratchFolder } from '../../../sluiceway/test/support/tool.js';
import { sluicewayGateway } from './program.js';

/** Origin servers of tests are on loopback, at any port. */
export const LOOPBACK = ['--allow-address', '127.0.0.0/8', '--allow-port', 'any'];

export const key: Key = generateKey();
export const file: OriginScript = respondWith(({ target }) => sized(`this is ${target}`));

export function writeKeys(net: Network): string {
  const path = join(scratchFolder(net), 'keys.json');
  writeFileSync(path, formatKeys([key]), { mode: 0o600 });
  return path;
}

/** A gateway of the program, an origin server, and what asks for links to its paths. */
export async function startGatewayProgram(
  net: Network,
  flags: readonly string[],
  script: OriginScript = file,
  { path = '/download', ...options }: OriginOptions & { path?: string } = {},
) {
  const origin = await net.origin(script, options);
  const program = await sluicewayGateway(net, '--keys', writeKeys(net), ...flags);
  const links = createLinks({ keys: [key], path });
  const link = (target: string, grant: Partial<GrantOptions> = {}): string =>
    links.sign({ url: `${origin.url}${target}`, expires: '1h', ...grant });
  const ask = async (target: string, lines: readonly string[] = []): Promise<RawResponse> => {
    const client = await net.client(program);
    await client.get(target, lines);
    const response = await client.readResponse();
    client.close();
    return response;
  };
  const statusOf = async (...request: Parameters<typeof ask>) => (await ask(...request)).head.status;
  return { origin, program, link, ask, statusOf };
}
