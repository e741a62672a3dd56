// @ts-check
import { tlsCipher } from '../lib/certificates.mjs';
import { runCommand } from '../lib/command.mjs';
import { openFiles } from '../lib/limits.mjs';
import { freePort, startProgram } from '../lib/program.mjs';
import { writeFromTemplate } from '../lib/template.mjs';

/** @import { Lab, Subject } from '../lib/types.mjs' */

/** @param {Lab} lab */
const haproxyPath = (lab) => /** @type {string} */ (lab.tools.get('haproxy'));

/** @type {Subject} */
export const haproxy = {
  name: 'haproxy',
  label: 'HAProxy, splice',
  kind: 'native',
  packaged: false,
  missing: (lab) => (lab.tools.has('haproxy') ? undefined : 'haproxy is not installed'),
  async version(lab) {
    const { stdout } = await runCommand(haproxyPath(lab), ['-v']);
    return /version (\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? 'unknown';
  },
  async start(lab, { origin, tlsClient, http2Client }) {
    const port = await freePort();
    const { ca, bundle } = lab.certificates;
    const config = await writeFromTemplate(lab.dir, new URL('haproxy.cfg', import.meta.url), {
      port,
      // Each may need two sockets and a share of a pipe, and HAProxy does not start if that could exceed the limit.
      maxConnections: Math.min(4000, Math.floor(openFiles / 3)),
      origin: origin.host,
      cipher: tlsCipher,
      bind: tlsClient ? `ssl crt ${bundle} alpn ${http2Client ? 'h2,' : ''}http/1.1` : '',
      server: origin.protocol === 'https:' ? `ssl verify required ca-file ${ca} sni str(localhost)` : '',
    });
    return startProgram(port, haproxyPath(lab), ['-db', '-f', config]);
  },
};
