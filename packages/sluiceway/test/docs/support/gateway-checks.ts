import { expect } from 'vitest';
import { node } from '../../support/requirements.js';
import { type Check, commandsOf } from './example.js';
import { outputOf, program } from './signing-checks.js';

const KEYS = JSON.stringify([{ id: 'k1', secret: Buffer.alloc(32, 7).toString('base64url') }]);

/** Loopback is not public, and the origin server of the examples has any port. */
const GUARD = "allowAddresses: ['127.0.0.0/8'], allowPorts: 'any'";

const withKeys = (code: string): string =>
  code.replace("{ env: 'LINK_KEYS' }", `${KEYS},\n  guard: { ${GUARD} }`);

/** Checks of the examples of gateways, by what `<!-- test: … -->` above a block says. */
export const gatewayChecks: Readonly<Record<string, Check>> = {
  'a gateway serves a link that it has signed': async (example) => {
    example.replacements.set('https://bucket.example.com', `http://127.0.0.1:${example.origin.port}`);
    const running = await example.run(withKeys);
    await running.wrote(/files\.example\.com\/download.*\n/);
    const link = running.output.trim();
    expect(link).not.toContain('secret');
    const { head, content } = await running.send(link.slice('https://files.example.com'.length));
    expect(content.toString()).toBe('this is /reports/2026.pdf?X-Signature=secret');
    expect(head.get('content-disposition')).toBe('attachment; filename="Report 2026.pdf"');
  },

  'the program signs a link and serves it': async (example) => {
    const [makesKeys, serves, signs] = commandsOf(example.block);
    await outputOf(example, node, [program, ...(makesKeys?.slice(2) ?? [])]);
    const running = await example.runProgram(serves && [serves]);
    const args = signs?.map((arg) =>
      arg.replace('9000', String(example.origin.port)).replace('8080', String(running.port)),
    );
    const link = await outputOf(example, node, [program, ...(args?.slice(2) ?? [])]);
    const response = await running.send(new URL(link).href.slice(new URL(link).origin.length));
    expect(response.content.toString()).toBe('this is /files/a');
    await running.wrote(/listening on http:.*, serving links\n[^]*path=\/download\?… status=200/);
  },

  'a gateway serves URLs of allowed hosts without a signature': async (example) => {
    const running = await example.run((code) =>
      code.replace("allowHosts: ['*.example.com',", `${GUARD}, allowHosts: ['127.0.0.1',`),
    );
    const url = encodeURIComponent(`http://127.0.0.1:${example.origin.port}/files/a`);
    expect((await running.send(`/download?url=${url}`)).content.toString()).toBe('this is /files/a');
    const other = encodeURIComponent('http://other.example/');
    expect((await running.send(`/download?url=${other}`)).head.status).toBe(403);
    const elsewhere = encodeURIComponent('https://example.org/private/a');
    expect((await running.send(`/download?url=${elsewhere}`)).head.status).toBe(403);
  },

  'decide sends a client elsewhere': async (example) => {
    const running = await example.run(
      (code) =>
        `${withKeys(code)}\nfor (const name of ['old.zip', 'new.zip'])\n  console.log(gateway.sign({ url: \`https://bucket.example.com/\${name}\`, expires: '1h' }));\n`,
    );
    await running.wrote(/(?:\/download\?link=.*\n){2}/);
    const links = running.output
      .trim()
      .split('\n')
      .filter((line) => line.startsWith('/download'));
    const [old, recent] = await Promise.all(links.map((link) => running.send(link)));
    expect(old?.head.status).toBe(404);
    expect(recent?.head.get('location')).toBe('https://bucket.example.com/presigned');
    expect(example.origin.seen).toEqual([]);
  },
};
