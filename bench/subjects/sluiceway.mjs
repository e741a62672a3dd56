// @ts-check
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { freePort, startProgram } from '../lib/program.mjs';

/** @import { Subject } from '../lib/types.mjs' */

/** @type {Subject} */
export const sluiceway = {
  name: 'sluiceway',
  label: 'Sluiceway',
  kind: 'sluiceway',
  packaged: true,
  missing: (lab) => (existsSync(lab.sluiceway) ? undefined : 'the program is not built: run npm run build'),
  async version(lab) {
    const manifest = await readFile(`${lab.root}/packages/server/package.json`, 'utf8');
    return JSON.parse(manifest).version;
  },
  async start(lab, { origin, tlsClient, http2Client }) {
    const port = await freePort();
    const { ca, cert, key } = lab.certificates;
    return startProgram(port, process.execPath, [
      ...[lab.sluiceway, 'proxy', origin.origin, '--listen', `127.0.0.1:${port}`, '--log', 'none'],
      ...(tlsClient ? ['--cert', cert, '--key', key] : []),
      ...(tlsClient && !http2Client ? ['--no-http2'] : []),
      ...(origin.protocol === 'https:' ? ['--ca', ca] : []),
    ]);
  },
};
