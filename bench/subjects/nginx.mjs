// @ts-check
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { tlsCipher } from '../lib/certificates.mjs';
import { runCommand } from '../lib/command.mjs';
import { openFiles } from '../lib/limits.mjs';
import { freePort, startProgram } from '../lib/program.mjs';
import { writeFromTemplate } from '../lib/template.mjs';

/** @import { Lab, Subject } from '../lib/types.mjs' */

const buffered = `
      proxy_buffering on;
      proxy_buffer_size 64k;
      proxy_buffers 16 64k;
      proxy_max_temp_file_size 0;`;

// With the default of one page the same work costs three times as much, which nobody has to put up with.
const unbuffered = `
      proxy_buffering off;
      proxy_buffer_size 64k;
      proxy_buffers 16 64k;`;

// Workers that run as nobody cannot read the run's directory, and only root may choose.
export const nginxUser = process.getuid?.() === 0 ? 'user root;' : '';

/** @param {Lab} lab */
const nginxPath = (lab) => /** @type {string} */ (lab.tools.get('nginx'));

/**
 * @param {string} name
 * @param {string} label
 * @param {string} buffering
 * @returns {Subject}
 */
function nginxSubject(name, label, buffering) {
  return {
    name,
    label,
    kind: 'native',
    packaged: false,
    missing: () => undefined,
    async version(lab) {
      const { stderr } = await runCommand(nginxPath(lab), ['-v']);
      return stderr.trim().split('/')[1] ?? 'unknown';
    },
    async start(lab, { origin, tlsClient, http2Client }) {
      const port = await freePort();
      await mkdir(path.join(lab.dir, `${name}-temp`), { recursive: true });
      const config = await writeFromTemplate(lab.dir, new URL('nginx.conf', import.meta.url), {
        name,
        port,
        openFiles,
        buffering,
        user: nginxUser,
        dir: lab.dir,
        origin: origin.host,
        scheme: origin.protocol.slice(0, -1),
        ssl: http2Client ? 'ssl http2' : tlsClient ? 'ssl' : '',
        cipher: tlsCipher,
        ...lab.certificates,
      });
      return startProgram(port, nginxPath(lab), ['-p', lab.dir, '-e', 'stderr', '-c', config]);
    },
  };
}

export const nginx = nginxSubject('nginx', 'nginx, buffered', buffered);
export const nginxUnbuffered = nginxSubject('nginx-unbuffered', 'nginx, unbuffered', unbuffered);
