import { join } from 'node:path';
import { expect } from 'vitest';
import { seededDigest } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { startGateway } from '../support/gateway.js';
import { cutAfter, nodeOrigin, seededFile, serving } from '../support/node-origin.js';
import { describeWith, requireTool, type Tool } from '../support/requirements.js';
import { fileDigest, runTool, scratchFolder } from '../support/tool.js';

const curl = requireTool('curl');
const wget = requireTool('wget');
const aria2c = requireTool('aria2c');

const SIZE = 30_000_000;
const DIGEST = seededDigest('linked', SIZE);
const file = seededFile('linked', SIZE);

/** A program as the client of a gateway, with a link to a file that is to be saved as `report.bin`. */
async function linkLine(net: Network, program: Tool, served: typeof file) {
  const origin = await nodeOrigin(net, serving(served));
  const { gateway, running, records } = await startGateway(net);
  const folder = scratchFolder(net);
  const path = gateway.sign({ url: `${origin.url}/internal-name`, expires: '1h', filename: 'report.bin' });
  return {
    origin,
    records,
    link: `http://127.0.0.1:${running.port}${path}`,
    run: (...args: string[]) => runTool(net, program, args, { in: folder }),
    digest: (name: string) => fileDigest(join(folder, name)),
  };
}

describeWith(curl)('curl with a link', () => {
  test('saves it, with -OJ, under the name in the link: the digest is right [curl]', async ({ net }) => {
    const { run, link, digest } = await linkLine(net, curl, file);
    expect(await run('-sS', '-OJ', link)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await digest('report.bin')).toBe(DIGEST);
  });

  test('resumes, with -C -, a download that the origin server cut [curl]', async ({ net }) => {
    // Without validators nobody but the client can know that it is the same file.
    const { run, link, digest } = await linkLine(
      net,
      curl,
      cutAfter({ ...file, validators: null }, SIZE / 2),
    );
    expect((await run('-sS', '-o', 'file', link)).code).toBe(56);
    const resumed = await run('-sS', '-C', '-', '-o', 'file', '-w', '%{http_code}', link);
    expect(resumed).toEqual({ code: 0, stdout: '206', stderr: '' });
    expect(await digest('file')).toBe(DIGEST);
  });

  test('fails, with -f, on a link of which one character is another [curl]', async ({ net }) => {
    const { run, link, origin } = await linkLine(net, curl, file);
    const at = link.length - 5;
    const forged = link.slice(0, at) + (link[at] === 'A' ? 'B' : 'A') + link.slice(at + 1);
    const got = await run('-sf', '-o', 'file', '-w', '%{http_code}', forged);
    expect(got).toEqual({ code: 22, stdout: '403', stderr: '' });
    expect(origin.requests).toEqual([]);
  });
});

describeWith(wget)('wget with a link', () => {
  test('saves it, with --content-disposition, under the name in the link: the digest is right [wget]', async ({
    net,
  }) => {
    const { run, link, digest } = await linkLine(net, wget, file);
    expect((await run('-q', '--content-disposition', link)).code).toBe(0);
    expect(await digest('report.bin')).toBe(DIGEST);
  });
});

describeWith(aria2c)('aria2c with a link', () => {
  test('downloads it over several connections, under the name in the link: the digest is right [aria2]', async ({
    net,
  }) => {
    const { run, link, records, digest } = await linkLine(net, aria2c, file);
    expect((await run('-q', '-x8', '-s8', '-k1M', '--file-allocation=none', link)).code).toBe(0);
    expect(await digest('report.bin')).toBe(DIGEST);
    await expect.poll(() => records.filter(({ status }) => status === 206).length).toBeGreaterThan(3);
  });
});
