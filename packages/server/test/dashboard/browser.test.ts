import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { createLinks } from 'sluiceway/gateway';
import { afterAll, beforeAll, expect } from 'vitest';
import { startBrowser } from '../../../sluiceway/test/support/browser.js';
import { seededBytes } from '../../../sluiceway/test/support/content.js';
import { type Network, test } from '../../../sluiceway/test/support/fixture.js';
import { rangedOrigin } from '../../../sluiceway/test/support/ranged-origin.js';
import type { OriginConnection } from '../../../sluiceway/test/support/raw-origin.js';
import { describeWith, requireTool } from '../../../sluiceway/test/support/requirements.js';
import { until } from '../../../sluiceway/test/support/until.js';
import { key, writeKeys } from '../support/gateway-program.js';
import { type Program, sluicewayServe } from '../support/program.js';

const chromium = requireTool('chromium');

const anyPort = '127.0.0.1:0';
const MB = 1_000_000;
const FILE_BYTES = 20 * MB;

const adminUrl = async (program: Program): Promise<string> =>
  (await program.match('stdout', /admin listener on (http:\/\/\S+)\n/))[1] ?? '';

const config = (upstream: string, admin = anyPort) => ({
  listeners: [{ address: anyPort }],
  admin: { address: admin },
  routes: [{ name: 'files', proxy: { upstream } }],
});

const limited = (upstream: string) => ({
  listeners: [{ address: anyPort }],
  admin: { address: anyPort },
  routes: [
    {
      name: 'files',
      proxy: { upstream, limits: { rules: [{ name: 'clients', transfers: 4, download: '90MB' }] } },
    },
  ],
});

const gateway = (net: Network) => ({
  listeners: [{ address: anyPort }],
  admin: { address: anyPort },
  routes: [
    {
      path: '/download',
      gateway: {
        keys: { file: writeKeys(net) },
        guard: { allowAddresses: ['127.0.0.0/8'], allowPorts: 'any' },
      },
    },
  ],
});

/** An origin server that sends the pieces of a file as it is told to. */
async function steppedOrigin(net: Network) {
  const connections: OriginConnection[] = [];
  const origin = await net.origin(async (connection) => {
    await connection.readHead();
    connections.push(connection);
    await connection.write(Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${FILE_BYTES}\r\n\r\n`));
  });
  const send = async (bytes: number): Promise<void> => {
    await until(() => connections.length > 0, 'the request had arrived');
    await connections.at(-1)?.write(Buffer.alloc(bytes));
  };
  return { origin, send };
}

/** A client that asks for a file, and reads what it gets. */
async function download(net: Network, port: number, path: string) {
  const client = await net.client(port);
  await client.get(path);
  await client.readHead();
  const ended = client.readUntilClose();
  return { client, ended };
}

/** Whether an error is what a browser says about a server that is gone. */
const isLostConnection = (text: string): boolean => /ERR_(?:CONNECTION|INCOMPLETE|EMPTY|NETWORK)/.test(text);

describeWith(chromium)('the dashboard in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser(chromium);
  });
  afterAll(() => browser?.close());

  /** Opens the page. `problems`: what its console says, violations of the policy included, and requests to elsewhere. */
  async function open(net: Network, url: string, options: Parameters<Browser['newContext']>[0] = {}) {
    const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
    net.cleanup(() => context.close());
    const page = await context.newPage();
    const problems: string[] = [];
    page.on('pageerror', ({ message }) => problems.push(message));
    page.on('console', (message) => {
      if (message.type() === 'error' && !isLostConnection(message.text())) problems.push(message.text());
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(url)) problems.push(`request to ${request.url()}`);
    });
    await page.goto(url);
    return { page, problems };
  }

  const rowOf = (page: Page, name: string) => page.locator('#rows [role="row"]', { hasText: name });

  test('a running download advances, and one that is aborted there breaks off for its client [Sluiceway]', async ({
    net,
  }) => {
    const { origin, send } = await steppedOrigin(net);
    const program = await sluicewayServe(net, config(origin.url));
    const { page, problems } = await open(net, await adminUrl(program));
    await page.getByText('Nothing is moving').waitFor();
    const { client, ended } = await download(net, program.port, '/a%20file.iso');
    const row = rowOf(page, 'a file.iso');
    await row.waitFor();
    await send(FILE_BYTES / 10);
    await row.getByText('10 %').waitFor();
    await send(FILE_BYTES / 10);
    await row.getByText('20 %').waitFor();

    await row.getByRole('button', { name: 'Abort a file.iso' }).click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    expect(client.ending).toBe(undefined);
    await row.getByRole('button', { name: 'Abort a file.iso' }).click();
    await page.getByRole('button', { name: 'Abort download' }).click();
    await ended;
    await page.getByText('a file.iso was aborted.').waitFor();
    expect(problems).toEqual([]);
  });

  test('a break that was healed is marked on the bar at its offset [Sluiceway]', async ({ net }) => {
    const file = seededBytes('file', 0, FILE_BYTES);
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const origin = await net.origin(
      rangedOrigin(file, ({ isRange, connection, first }) => {
        if (!isRange) return { bytes: FILE_BYTES / 4, ending: 'reset' };
        return (async () => {
          await connection.write(
            Buffer.from(
              `HTTP/1.1 206 Partial Content\r\nETag: "v1"\r\nContent-Range: bytes ${first}-${FILE_BYTES - 1}/${FILE_BYTES}\r\nContent-Length: ${FILE_BYTES - first}\r\n\r\n`,
            ),
          );
          await connection.write(file.subarray(first, FILE_BYTES / 2));
          await released;
          await connection.write(file.subarray(FILE_BYTES / 2));
        })();
      }),
    );
    const program = await sluicewayServe(net, config(origin.url));
    const { page, problems } = await open(net, await adminUrl(program));
    const { client } = await download(net, program.port, '/healed.bin');
    const row = rowOf(page, 'healed.bin');
    await row.getByText('healed', { exact: true }).waitFor();
    await row.getByText('50 %').waitFor();
    const style = (await row.locator('.mark-healed').getAttribute('style')) ?? '';
    const offset = Number(/left: ([\d.]+)%/.exec(style)?.[1]);
    // What the break left unread may be less than what was sent.
    expect(offset).toBeGreaterThan(0);
    expect(offset).toBeLessThanOrEqual(25);
    release();
    await until(() => client.bytesRead > FILE_BYTES, 'the client had the file');
    expect(problems).toEqual([]);
  });

  test('says that the connection is lost, and survives a reload and a restart of the server [Sluiceway]', async ({
    net,
  }) => {
    const { origin, send } = await steppedOrigin(net);
    const program = await sluicewayServe(net, config(origin.url));
    const url = await adminUrl(program);
    const admin = new URL(url).host;
    const { page, problems } = await open(net, url);
    await page.getByText('Live', { exact: true }).waitFor();
    const [route] = config(origin.url).routes;
    const routes = [route, { name: 'other', path: '/first.bin', proxy: { upstream: origin.url } }];
    expect(await program.reload({ ...config(origin.url), routes })).toContain('reloaded');
    const { client } = await download(net, program.port, '/first.bin');
    await send(MB);
    await rowOf(page, 'first.bin').getByText('5 %').waitFor();
    await rowOf(page, 'first.bin').getByText('route other').waitFor();

    await program.kill();
    await page.getByText(/Connection lost/).waitFor();
    client.close();
    // On a phone, too, the bar has room for it.
    const size = page.viewportSize();
    await page.setViewportSize({ width: 390, height: 844 });
    const help = await page.getByRole('button', { name: 'Keyboard and help' }).boundingBox();
    expect(help).not.toBeNull();
    expect((help?.x ?? 0) + (help?.width ?? 0)).toBeLessThanOrEqual(390);
    if (size !== null) await page.setViewportSize(size);
    const next = await sluicewayServe(net, config(origin.url, admin));
    await adminUrl(next);
    await page.getByText('Live', { exact: true }).waitFor();
    await rowOf(page, 'first.bin').waitFor({ state: 'detached' });
    await download(net, next.port, '/second.bin');
    await rowOf(page, 'second.bin').waitFor();
    // The server has another token now, which the page fetches by itself.
    await rowOf(page, 'second.bin').getByRole('button', { name: 'Abort second.bin' }).click();
    await page.getByRole('button', { name: 'Abort download' }).click();
    await page.getByText('second.bin was aborted.').waitFor();
    expect(problems.filter((problem) => !problem.includes('403'))).toEqual([]);
  });

  test('is used by keyboard: search, choose, open, close [W3C WCAG 2]', async ({ net }) => {
    const { origin } = await steppedOrigin(net);
    const program = await sluicewayServe(net, config(origin.url));
    const { page, problems } = await open(net, await adminUrl(program));
    for (const name of ['one.bin', 'two.bin', 'three.bin']) {
      await download(net, program.port, `/${name}`);
      await rowOf(page, name).waitFor();
    }
    await page.keyboard.press('/');
    await page.keyboard.type('two');
    await rowOf(page, 'one.bin').waitFor({ state: 'detached' });
    expect(await page.locator('#rows [role="row"]').count()).toBe(1);
    await page.keyboard.press('Escape');
    await rowOf(page, 'one.bin').waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('k');
    // The newest is first.
    await page.getByRole('button', { name: 'three.bin', exact: true }).and(page.locator(':focus')).waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'three.bin' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
    expect(problems).toEqual([]);
  });

  test('limits show what a client uses; there it is blocked, which aborts its download, and unblocked [Sluiceway]', async ({
    net,
  }) => {
    const { origin, send } = await steppedOrigin(net);
    const program = await sluicewayServe(net, limited(origin.url));
    const { page, problems } = await open(net, await adminUrl(program));
    const { ended } = await download(net, program.port, '/file.bin');
    await send(MB);
    await rowOf(page, 'file.bin').getByText('5 %').waitFor();
    await page.getByRole('tab', { name: 'Limits' }).click();
    const rule = page.getByRole('region', { name: 'Rule clients on files' });
    await rule.getByText('4 transfers at a time').waitFor();
    await rule.getByRole('meter', { name: 'Transfers of 127.0.0.1' }).waitFor();
    await rule.getByText('1 of 4').waitFor();

    await rule.getByRole('button', { name: 'Block 127.0.0.1' }).click();
    await page.getByText('24 hours').click();
    await page.getByRole('button', { name: 'Block', exact: true }).and(page.locator('#confirm-yes')).click();
    await ended;
    await page.getByText('127.0.0.1 is blocked. 1 transfer aborted.').waitFor();
    const blocked = page.getByRole('region', { name: 'Blocked' });
    await blocked.getByText('127.0.0.1').waitFor();
    await blocked.getByRole('button', { name: 'Unblock 127.0.0.1' }).click();
    await page.locator('#confirm-yes').click();
    await blocked.waitFor({ state: 'hidden' });

    await rule.getByRole('button', { name: 'Block a key of clients' }).click();
    await page.getByLabel('Client address').fill('192.0.2.1');
    await page.getByText('For good').click();
    await page.locator('#confirm-yes').click();
    await blocked.getByText('192.0.2.1').waitFor();
    await blocked.getByText('for good').waitFor();
    expect(problems).toEqual([]);
  });

  test('a server without limits and links has no view of them [Sluiceway]', async ({ net }) => {
    const { origin } = await steppedOrigin(net);
    const program = await sluicewayServe(net, config(origin.url));
    const { page } = await open(net, `${await adminUrl(program)}#limits`);
    await page.getByText('Nothing is moving').waitFor();
    expect(await page.getByRole('tab', { name: 'Limits' }).count()).toBe(0);
    await page.keyboard.press('4');
    expect(await page.locator('#panel-limits').isHidden()).toBe(true);
  });

  test('a link is revoked from the details of its download, which breaks off [Sluiceway]', async ({
    net,
  }) => {
    const { origin, send } = await steppedOrigin(net);
    const program = await sluicewayServe(net, gateway(net));
    const { page, problems } = await open(net, await adminUrl(program));
    const link = createLinks({ keys: [key] }).sign({
      url: `${origin.url}/file`,
      expires: '1h',
      filename: 'a.bin',
    });
    const { ended } = await download(net, program.port, link);
    await send(MB);
    await page.locator('#rows [role="row"] button[data-part="open"]').click();
    await page.getByRole('button', { name: 'Revoke link' }).click();
    await page.locator('#confirm-yes').click();
    await ended;
    await page.getByText('The link is revoked. 1 download aborted.').waitFor();
    expect(problems).toEqual([]);
  });

  test.for(['light', 'dark'] as const)(
    'axe finds nothing serious in the %s theme, in any view [W3C WCAG 2]',
    async (colorScheme, { net }) => {
      const { origin, send } = await steppedOrigin(net);
      const program = await sluicewayServe(net, limited(origin.url));
      const { page } = await open(net, await adminUrl(program), { colorScheme, bypassCSP: true });
      await fetch(`${await adminUrl(program)}/api/limits/clients/block`, {
        method: 'POST',
        body: '{"key":"192.0.2.1"}',
      });
      const refused = await net.client(program.port);
      await refused.send('GET /bad HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n');
      await refused.readHead();
      await download(net, program.port, '/file.bin');
      await send(MB);
      await rowOf(page, 'file.bin').getByText('5 %').waitFor();
      await page.evaluate(axe.source);
      const check = async (view: string) => {
        const found = await page.evaluate(
          `axe.run().then(({ violations }) => violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => id + ': ' + nodes.map(({ target, failureSummary }) => target + ' ' + failureSummary).join(', ')))`,
        );
        expect([view, found]).toEqual([view, []]);
      };
      await check('transfers');
      for (const view of ['Servers', 'Failures', 'Limits']) {
        await page.getByRole('tab', { name: view }).click();
        if (view === 'Limits') await page.getByRole('meter').first().waitFor();
        await check(view);
      }
      await page.getByRole('tab', { name: 'Transfers' }).click();
      await page.getByRole('button', { name: 'file.bin', exact: true }).click();
      await check('details');
      await page.getByRole('button', { name: 'Abort', exact: true }).click();
      await check('question');
    },
  );
});
