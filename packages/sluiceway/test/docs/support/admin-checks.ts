import { expect } from 'vitest';
import { until } from '../../support/until.js';
import type { Check, Example } from './example.js';

const urlOf = ({ origin: { port } }: Example): string => `http://127.0.0.1:${port}`;

/** A program with an admin listener, a group, a rule and a download that stops half way. */
async function serveApi(example: Example) {
  const upstream = `{ servers: ['${urlOf(example)}', 'http://127.0.0.1:1'] }`;
  example.write(
    'sluiceway.yaml',
    [
      'listeners: [{ address: 127.0.0.1:0 }]',
      'admin: { address: 127.0.0.1:0 }',
      `upstreams: { GROUP: ${upstream} }`,
      'routes: [{ proxy: { upstream: GROUP, limits: { rules: [{ name: RULE, by: client, transfers: 9 }] } } }]',
    ].join('\n'),
  );
  const running = await example.runProgram([['npx', 'sluiceway', 'serve', '--config', 'sluiceway.yaml']]);
  const [, url = ''] = await running.wrote(/admin listener on (http:\S+)\n/);
  const client = await running.connect();
  await client.get('/slow');
  await client.readHead();
  const list = async () =>
    (
      (await (await fetch(`${url}/api/transfers`)).json()) as {
        transfers: { id: string; bytesDown: number }[];
      }
    ).transfers;
  await until(async () => ((await list())[0]?.bytesDown ?? 0) > 0, 'the download had begun');
  const stop = (): void => {
    example.origin.release();
    client.close();
  };
  return { url, id: (await list())[0]?.id ?? '', stop };
}

/** Makes the calls of curl in a block, and checks what they answer. */
async function callApi(example: Example, check: (answers: unknown[], id: string) => void): Promise<void> {
  const { url, id, stop } = await serveApi(example);
  const answers: unknown[] = [];
  for (const line of example.block.text.trim().split('\n')) {
    const [, address = ''] = /(http:[^\s']+)/.exec(line) ?? [];
    const [, body] = /-d '([^']+)'/.exec(line) ?? [];
    const target = address
      .replace('http://127.0.0.1:9180', url)
      .replace('ID', id)
      .replace('SERVER', new URL(urlOf(example)).host);
    const method = line.includes('-X POST') ? 'POST' : 'GET';
    answers.push(await (await fetch(target, { method, ...(body !== undefined && { body }) })).json());
  }
  check(answers, id);
  stop();
}

export const adminChecks: Readonly<Record<string, Check>> = {
  'calls that list transfers': (example) =>
    callApi(example, ([all, slow, one], id) => {
      expect(all).toMatchObject({ total: 1, transfers: [{ id, path: '/slow' }] });
      expect(slow).toMatchObject({ total: 0, transfers: [] });
      expect(one).toMatchObject({ id, status: 200 });
    }),

  'calls that steer a transfer': (example) =>
    callApi(example, (answers) => {
      expect(answers).toEqual([{ limit: 1_000_000 }, { limit: null }, { aborted: true }]);
    }),

  'calls that look back': (example) =>
    callApi(example, (answers) => {
      expect(answers).toMatchObject([{ step: 1000 }, { failures: [] }]);
    }),

  'calls that drain a server': (example) =>
    callApi(example, ([groups, ...changes]) => {
      expect(groups).toMatchObject({ groups: [{ name: 'GROUP', servers: [{}, { name: '127.0.0.1:1' }] }] });
      expect(changes).toEqual([{ drained: true }, { drained: false }]);
    }),

  'calls about limits': (example) =>
    callApi(example, (answers) => {
      expect(answers).toMatchObject([
        { limits: [{ rule: 'RULE' }] },
        { rules: [{ name: 'RULE', transfers: 9 }] },
        { blocked: true, aborted: 0 },
        { blocks: [{ rule: 'RULE', key: '192.0.2.7' }] },
        { blocked: false },
      ]);
    }),

  'a call that reads events': async (example) => {
    const { url, stop } = await serveApi(example);
    const [, address = ''] = /(http:\S+)/.exec(example.block.text) ?? [];
    const end = new AbortController();
    const response = await fetch(address.replace('http://127.0.0.1:9180', url), { signal: end.signal });
    const reader: ReadableStreamDefaultReader<Uint8Array> | undefined = response.body?.getReader();
    const first = await reader?.read();
    expect(Buffer.from(first?.value ?? []).toString()).toContain('event: snapshot\n');
    end.abort();
    stop();
  },
};
