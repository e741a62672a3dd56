import { readFileSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { Network } from './fixture.js';
import { type NodeOrigin, type NodeOriginOptions, nodeOrigin } from './node-origin.js';
import type { Tool } from './requirements.js';
import type { ProxyListenOptions, ProxyOptions, RunningProxy } from './servers.js';

/** Starts Chromium without a window and without connections to outside networks. */
export function startBrowser(tool: Tool): Promise<Browser> {
  return chromium.launch({
    executablePath: tool.path,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--autoplay-policy=no-user-gesture-required',
    ],
  });
}

/** A page that was loaded through a proxy. */
export interface BrowserLine {
  page: Page;
  origin: NodeOrigin;
  running: RunningProxy;
}

/** Opens a page of `judges/pages` through a proxy. The listener gets every request except the one for the page. */
export async function openPage(
  net: Network,
  browser: Browser,
  name: string,
  listener: Parameters<typeof nodeOrigin>[1],
  options: NodeOriginOptions & { listen?: ProxyListenOptions; proxy?: Omit<ProxyOptions, 'upstream'> } = {},
): Promise<BrowserLine> {
  const html = readFileSync(new URL(`../judges/pages/${name}.html`, import.meta.url));
  const origin = await nodeOrigin(
    net,
    (request, response) => {
      if (request.url !== '/') return listener(request, response);
      response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Content-Length': html.length });
      return response.end(html);
    },
    options,
  );
  const running = await net.proxy({ upstream: origin.url, ...options.proxy }, options.listen);
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  net.cleanup(() => context.close());
  const page = await context.newPage();
  await page.goto(
    running.ca === undefined ? `http://127.0.0.1:${running.port}/` : `https://localhost:${running.port}/`,
  );
  return { page, origin, running };
}
