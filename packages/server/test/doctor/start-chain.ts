import type { Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import { freePort, startDaemon } from '../../../sluiceway/test/support/daemon.js';
import type { Network } from '../../../sluiceway/test/support/fixture.js';
import type { Tool } from '../../../sluiceway/test/support/requirements.js';
import { scratchFolder } from '../../../sluiceway/test/support/tool.js';
import type { Diagnosis } from '../../src/doctor/diagnose.js';
import { createEchoOrigin } from '../../src/doctor/origin/echo-origin.js';
import { sluiceway } from '../support/program.js';
import { type ProxyName, proxies } from './proxies.js';

/** Listens on a free port until the end of the test. */
export async function listen(net: Network, server: HttpServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  net.cleanup(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  });
  return (server.address() as AddressInfo).port;
}

/** An echo origin; its port. */
export const startEchoOrigin = (net: Network): Promise<number> => listen(net, createEchoOrigin());

/** Starts a proxy before a server, with these settings; its port. */
export async function startProxy(
  net: Network,
  tool: Tool,
  name: ProxyName,
  originPort: number,
  settings: readonly string[] = [],
): Promise<number> {
  const port = await freePort();
  const args = proxies[name]({ folder: scratchFolder(net), port, originPort, settings });
  await startDaemon(net, tool, args, port);
  return port;
}

export type Report = Diagnosis & { version: number };

/** Runs `sluiceway doctor --json` to its end. */
export async function runDoctor(
  net: Network,
  ...args: string[]
): Promise<{ code: number | string; report: Report; ids: string[]; stderr: string }> {
  const program = sluiceway(net, 'doctor', '--json', ...args);
  const code = await program.exited;
  expect(program.stdout, program.stderr).toMatch(/^\{/);
  const report = JSON.parse(program.stdout) as Report;
  return { code, report, ids: report.findings.map(({ id }) => id), stderr: program.stderr };
}

/** The settings that a report names, by the kind of the finding. */
export const settingsOf = ({ findings }: Report): Record<string, string> =>
  Object.fromEntries(
    findings.map(({ id, settings }) => [
      id,
      settings.map(({ product, setting }) => `${product}: ${setting}`).join('; '),
    ]),
  );
