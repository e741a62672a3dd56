import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { openPage, startBrowser } from '../support/browser.js';
import { clientLine } from '../support/client-line.js';
import { seededDigest } from '../support/content.js';
import { test } from '../support/fixture.js';
import { cutAfter, seededFile, serving } from '../support/node-origin.js';
import { describeWith, node, requireTool, type Tool, testWith } from '../support/requirements.js';
import { fileDigest } from '../support/tool.js';

const SIZE = 1_000_000;
const file = seededFile('half', SIZE);

/** Programs that end with 0 where the client takes what came for the whole file. The argument is the URL. */
const PROGRAMS: readonly (readonly [name: string, tool: Tool, text: string])[] = [
  [
    'urllib of Python',
    requireTool('python3'),
    'import io, shutil, sys, urllib.request\nshutil.copyfileobj(urllib.request.urlopen(sys.argv[1]), io.BytesIO())\n',
  ],
  [
    'Net::HTTP of Ruby',
    requireTool('ruby'),
    "require 'net/http'\nuri = URI(ARGV[0])\nhttp = Net::HTTP.new(uri.host, uri.port)\nhttp.max_retries = 0\nhttp.start { |it| it.request_get(uri.path) { |response| response.read_body { |part| part } } }\n",
  ],
  [
    'fetch of Node',
    node,
    'fetch(process.argv[2]).then((response) => response.arrayBuffer()).catch(() => process.exit(1));\n',
  ],
];

const COMMANDS: readonly (readonly [name: string, tool: Tool, args: readonly string[]])[] = [
  ['curl', requireTool('curl'), ['-sS', '-o', 'file']],
  ['wget', requireTool('wget'), ['-q', '--tries=1', '-O', 'file']],
  ['aria2', requireTool('aria2c'), ['-q', '--max-tries=1', '-o', 'file']],
];

const cut = serving(cutAfter(file, SIZE / 2));
/** The client alone must notice, and nothing must mend it before. */
const proxy = { resume: false };

for (const [name, tool, text] of PROGRAMS) {
  testWith(tool)(
    `${name} fails where half of a file of known length has come [RFC 9112 8; Sluiceway]`,
    async ({ net }) => {
      const { run, url, folder, running } = await clientLine(net, [tool], cut, { proxy });
      writeFileSync(join(folder, 'program.cjs'), text);
      expect((await run('program.cjs', `${url}/file`)).code).not.toBe(0);
      expect((await running.record()).outcome).toBe('upstream_truncated');
      const whole = await clientLine(net, [tool], serving(file), { proxy });
      writeFileSync(join(whole.folder, 'program.cjs'), text);
      expect((await whole.run('program.cjs', `${whole.url}/file`)).code).toBe(0);
    },
  );
}

for (const [name, tool, args] of COMMANDS) {
  testWith(tool)(
    `${name} fails where half of a file of known length has come [RFC 9112 8; Sluiceway]`,
    async ({ net }) => {
      const { run, url, running } = await clientLine(net, [tool], cut, { proxy });
      expect((await run(...args, `${url}/file`)).code).not.toBe(0);
      expect((await running.record()).outcome).toBe('upstream_truncated');
    },
  );
}

const chromium = requireTool('chromium');

describeWith(chromium)('Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser(chromium);
  });
  afterAll(() => browser?.close());

  test('continues a download by itself where half of a file of known length has come [Chromium]', async ({
    net,
  }) => {
    const { page, running } = await openPage(
      net,
      browser,
      'transfers',
      (request, response) =>
        serving(request.headers.range === undefined ? cutAfter(file, SIZE / 2) : file)(request, response),
      { proxy },
    );
    const [started] = await Promise.all([page.waitForEvent('download'), page.click('#download')]);
    expect(await started.failure()).toBeNull();
    expect(await fileDigest(await started.path())).toBe(seededDigest('half', SIZE));
    expect(running.records.map(({ outcome }) => outcome)).toContain('upstream_truncated');
  });
});
