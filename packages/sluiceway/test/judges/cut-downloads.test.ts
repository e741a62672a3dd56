import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { openPage, startBrowser } from '../support/browser.js';
import { loopbackCertificate } from '../support/certificates.js';
import { clientLine } from '../support/client-line.js';
import { seededDigest } from '../support/content.js';
import { test } from '../support/fixture.js';
import { cutAfter, seededFile, serving } from '../support/node-origin.js';
import {
  describeWith,
  findOptionalModule,
  findOptionalTool,
  node,
  type Requirement,
  requireTool,
  type Tool,
  testWith,
} from '../support/requirements.js';
import type { ProxyListenOptions } from '../support/servers.js';
import { fileDigest } from '../support/tool.js';

const SIZE = 1_000_000;
const file = seededFile('half', SIZE);

/** A program that ends with 0 if the client takes what has come for the whole file. Its argument is the URL. */
interface Program {
  name: string;
  needs: readonly Requirement[];
  command: readonly [Tool, ...string[]];
  file: string;
  text: string;
  /** Over TLS it does not notice a cut, whether by a FIN or by a reset, and no server can tell it. */
  missesCutsOverTls?: true;
}

/** With TLS, each trusts the file `ca.pem`. */
const PROGRAMS: readonly Program[] = [
  {
    name: 'urllib of Python',
    needs: [requireTool('python3')],
    command: [requireTool('python3')],
    file: 'program.py',
    text: `import io, shutil, sys, urllib.request
shutil.copyfileobj(urllib.request.urlopen(sys.argv[1]), io.BytesIO())
`,
    missesCutsOverTls: true,
  },
  {
    name: 'requests of Python',
    needs: [findOptionalModule(requireTool('python3'), 'requests')],
    command: [requireTool('python3')],
    file: 'program.py',
    text: `import requests, sys
requests.get(sys.argv[1]).content
`,
    missesCutsOverTls: true,
  },
  {
    name: 'Net::HTTP of Ruby',
    needs: [requireTool('ruby')],
    command: [requireTool('ruby')],
    file: 'program.rb',
    text: `require 'net/http'
uri = URI(ARGV[0])
http = Net::HTTP.new(uri.host, uri.port)
http.max_retries = 0
if uri.scheme == 'https'
  http.use_ssl = true
  http.ca_file = 'ca.pem'
end
http.start { |it| it.request_get(uri.path) { |response| response.read_body { |part| part } } }
`,
  },
  {
    name: 'fetch of Node',
    needs: [node],
    command: [node],
    file: 'program.cjs',
    text: `const { existsSync, readFileSync } = require('node:fs');
const { Agent, setGlobalDispatcher } = require(${JSON.stringify(createRequire(import.meta.url).resolve('undici'))});
if (existsSync('ca.pem')) setGlobalDispatcher(new Agent({ connect: { ca: readFileSync('ca.pem') } }));
fetch(process.argv[2]).then((response) => response.arrayBuffer()).catch(() => process.exit(1));
`,
  },
  {
    name: 'https and http of Node',
    needs: [node],
    command: [node],
    file: 'program.cjs',
    text: `const { readFileSync } = require('node:fs');
const isSecure = process.argv[2].startsWith('https:');
const { get } = require(isSecure ? 'node:https' : 'node:http');
const fail = () => process.exit(1);
get(process.argv[2], isSecure ? { ca: readFileSync('ca.pem') } : {}, (response) => {
  response.on('error', fail).resume();
}).on('error', fail);
`,
  },
  {
    name: 'net/http of Go',
    needs: [findOptionalTool('go')],
    command: [findOptionalTool('go'), 'run'],
    file: 'program.go',
    text: `package main

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
)

func main() {
	roots := x509.NewCertPool()
	if ca, err := os.ReadFile("ca.pem"); err == nil {
		roots.AppendCertsFromPEM(ca)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	response, err := client.Get(os.Args[1])
	if err != nil {
		os.Exit(1)
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		os.Exit(1)
	}
}
`,
  },
];

const COMMANDS: readonly (readonly [name: string, tool: Tool, args: readonly string[], trust: string])[] = [
  ['curl', requireTool('curl'), ['-sS', '-o', 'file'], '--cacert ca.pem'],
  ['wget', requireTool('wget'), ['-q', '--tries=1', '-O', 'file'], '--ca-certificate=ca.pem'],
  ['aria2', requireTool('aria2c'), ['-q', '--max-tries=1', '-o', 'file'], '--ca-certificate=ca.pem'],
];

const cut = serving(cutAfter(file, SIZE / 2));
/** The client alone has to notice: nothing continues the download before. */
const proxy = { resume: false };

const listeners = async (isSecure: boolean): Promise<ProxyListenOptions> =>
  isSecure ? { tls: await loopbackCertificate() } : {};

for (const isSecure of [false, true]) {
  const over = isSecure ? 'over TLS' : 'over plain TCP';

  for (const { name, needs, command, file: program, text, missesCutsOverTls } of PROGRAMS) {
    if (isSecure && missesCutsOverTls) continue;
    testWith(...needs)(
      `${name} fails ${over} if half of a file of known length has come [RFC 9112 8; Sluiceway]`,
      async ({ net }) => {
        const options = { proxy, listen: await listeners(isSecure) };
        const { run, url, folder, running } = await clientLine(net, command, cut, options);
        writeFileSync(join(folder, program), text);
        expect((await run(program, `${url}/file`)).code).not.toBe(0);
        expect((await running.record()).outcome).toBe('upstream_truncated');
        const whole = await clientLine(net, command, serving(file), options);
        writeFileSync(join(whole.folder, program), text);
        expect(await whole.run(program, `${whole.url}/file`)).toMatchObject({ code: 0 });
      },
      60_000,
    );
  }

  for (const [name, tool, args, trust] of COMMANDS) {
    testWith(tool)(
      `${name} fails ${over} if half of a file of known length has come [RFC 9112 8; Sluiceway]`,
      async ({ net }) => {
        const options = { proxy, listen: await listeners(isSecure) };
        const flags = isSecure ? trust.split(' ') : [];
        const { run, url, running } = await clientLine(net, [tool], cut, options);
        expect((await run(...flags, ...args, `${url}/file`)).code).not.toBe(0);
        expect((await running.record()).outcome).toBe('upstream_truncated');
        const whole = await clientLine(net, [tool], serving(file), options);
        expect(await whole.run(...flags, ...args, `${whole.url}/file`)).toMatchObject({ code: 0 });
      },
    );
  }
}

const chromium = requireTool('chromium');

describeWith(chromium)('Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser(chromium);
  });
  afterAll(() => browser?.close());

  test('continues a download by itself if half of a file of known length has come [Chromium]', async ({
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
    expect(running.recorded.map(({ outcome }) => outcome)).toContain('upstream_truncated');
  });
});
