import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { seededBytes, seededDigest } from '../../sluiceway/test/support/content.js';
import { test } from '../../sluiceway/test/support/fixture.js';
import {
  answerUpload,
  cutAfter,
  nodeOrigin,
  seededFile,
  serving,
} from '../../sluiceway/test/support/node-origin.js';
import { requireTool } from '../../sluiceway/test/support/requirements.js';
import { fileDigest, runTool, scratchFolder } from '../../sluiceway/test/support/tool.js';
import { sluicewayProxy } from './support/program.js';

const curl = requireTool('curl');

const SIZE = 20_000_000;
const DIGEST = seededDigest('program', SIZE);
const file = seededFile('program', SIZE, { validators: null });

describe.skipIf(curl === null)('curl through the program', () => {
  test('downloads, sees a cut, resumes and uploads: the digests are right [curl]', async ({ net }) => {
    const origin = await nodeOrigin(net, (request, response) => {
      if (request.method === 'PUT') return answerUpload(request, response);
      const isFirst = request.url === '/cut' && request.headers.range === undefined;
      return serving(isFirst ? cutAfter(file, 5_000_000) : file)(request, response);
    });
    const program = await sluicewayProxy(net, origin.url, '--log', 'json');
    const url = `http://127.0.0.1:${program.port}`;
    const folder = scratchFolder(net);
    const run = (...args: string[]) => runTool(net, curl ?? '', ['-sS', ...args], { in: folder });

    expect((await run('-o', 'whole', `${url}/whole`)).code).toBe(0);
    expect(await fileDigest(join(folder, 'whole'))).toBe(DIGEST);

    expect((await run('-o', 'cut', `${url}/cut`)).code).toBe(18);
    expect((await run('-C', '-', '-o', 'cut', `${url}/cut`)).code).toBe(0);
    expect(await fileDigest(join(folder, 'cut'))).toBe(DIGEST);

    writeFileSync(join(folder, 'up'), seededBytes('program', 0, SIZE));
    const { stdout } = await run('-T', 'up', `${url}/up`);
    expect(JSON.parse(stdout)).toMatchObject({ method: 'PUT', framing: String(SIZE), sha256: DIGEST });

    program.signal('SIGTERM');
    expect(await program.exited).toBe(0);
    const outcomes = program.records().map(({ outcome }) => outcome);
    expect(outcomes).toEqual(['completed', 'upstream_truncated', 'completed', 'completed']);
  });
});
