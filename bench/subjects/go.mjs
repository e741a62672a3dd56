// @ts-check
import { runCommand } from '../lib/command.mjs';
import { freePort, startProgram } from '../lib/program.mjs';

/** @import { Subject } from '../lib/types.mjs' */

/** @type {Subject} */
export const go = {
  name: 'go',
  label: 'Go ReverseProxy',
  kind: 'native',
  packaged: false,
  missing: (lab) => (lab.goProxy === undefined ? 'go is not installed' : undefined),
  async version(lab) {
    const { stdout } = await runCommand(/** @type {string} */ (lab.tools.get('go')), ['env', 'GOVERSION']);
    return stdout.trim().replace(/^go/, '');
  },
  async start(lab, { origin, tlsClient, http2Client }) {
    const port = await freePort();
    const { ca, cert, key } = lab.certificates;
    const tls = tlsClient ? ['-cert', cert, '-key', key, ...(http2Client ? ['-http2'] : [])] : [];
    const args = ['-listen', `127.0.0.1:${port}`, '-origin', origin.origin, '-ca', ca, ...tls];
    return startProgram(port, /** @type {string} */ (lab.goProxy), args);
  },
};
