import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { expect } from 'vitest';
import { root } from '../../../../scripts/support.mjs';
import { freePort } from '../../../sluiceway/test/support/daemon.js';
import { type Network, test } from '../../../sluiceway/test/support/fixture.js';
import { describeWith, node, requireTool } from '../../../sluiceway/test/support/requirements.js';
import { startServer } from '../../../sluiceway/test/support/servers.js';
import { scratchFolder } from '../../../sluiceway/test/support/tool.js';
import { ProgramProcess } from '../support/process.js';

const sh = requireTool('sh');
const deploy = join(root, 'deploy');

/** Runs the start script of the image as a process, with `sluiceway` and `node` on its PATH as in the image. */
function start(net: Network, args: readonly string[], env: Record<string, string> = {}): ProgramProcess {
  const bin = join(scratchFolder(net), 'bin');
  mkdirSync(bin);
  symlinkSync(join(root, 'packages/server/bin/sluiceway.js'), join(bin, 'sluiceway'));
  symlinkSync(node.path, join(bin, 'node'));
  const PATH = [bin, dirname(sh.path)].join(delimiter);
  const script = '../../deploy/docker-entrypoint.sh';
  const program = new ProgramProcess(script, args, { PATH, ...env }, { tool: sh, args: [] });
  net.cleanup(() => program.kill());
  return program;
}

describeWith(sh)('the start script of the image', () => {
  test('serves the configuration of the image, answers its health check, and drains on SIGTERM', async ({
    net,
  }) => {
    const origin = await startServer((_request, response) => response.end('from the origin server'));
    net.cleanup(() => origin.stop());
    const [port, admin] = [await freePort(), await freePort()];
    const file = join(scratchFolder(net), 'sluiceway.yaml');
    const text = readFileSync(join(deploy, 'sluiceway.yaml'), 'utf8');
    writeFileSync(file, text.replace('0.0.0.0:8080', `127.0.0.1:${port}`).replace(':9180', `:${admin}`));
    const health = { SLUICEWAY_HEALTH_URL: `http://127.0.0.1:${admin}/healthz` };
    expect(await start(net, ['health'], health).exited).toBe(1);
    const server = start(net, ['serve', '--config', file], {
      SLUICEWAY_UPSTREAM: `http://127.0.0.1:${origin.port}`,
    });
    await server.match('stdout', /listening on/);
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('from the origin server');
    expect(await start(net, ['health'], health).exited).toBe(0);
    server.signal('SIGTERM');
    expect(await server.exited).toBe(0);
  });

  test('says what is missing if no origin server is set, and ends with 2', async ({ net }) => {
    const server = start(net, ['serve', '--config', join(deploy, 'sluiceway.yaml')]);
    expect(await server.exited).toBe(2);
    expect(server.stderr).toContain('SLUICEWAY_UPSTREAM');
  });

  test('runs flags of the program, and other commands', async ({ net }) => {
    const version = start(net, ['--version']);
    const other = start(net, ['node', '--version']);
    expect(await version.exited).toBe(0);
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(await other.exited).toBe(0);
    expect(other.stdout).toBe(`${process.version}\n`);
  });
});
