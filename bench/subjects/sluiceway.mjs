// @ts-check
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { runCommand } from '../lib/command.mjs';
import { olderCommit } from '../lib/older-build.mjs';
import { freePort, startProgram } from '../lib/program.mjs';

/** @import { Lab, Subject } from '../lib/types.mjs' */

/**
 * @typedef {object} Variant
 * @property {string} name
 * @property {string} label
 * @property {boolean} [isOlder]  the older build, in place of the present one
 * @property {boolean} [onNode26]
 * @property {boolean} [zeroCopy]
 */

const zeroCopyFlags = ['--zero-copy', 'true'];

/**
 * @param {Lab} lab
 * @param {Variant} variant
 */
const nodeOf = (lab, { onNode26 }) => (onNode26 ? lab.node26 : process.execPath);

/**
 * @param {Lab} lab
 * @param {Variant} variant
 */
const programOf = (lab, { isOlder }) => (isOlder ? lab.olderSluiceway : lab.sluiceway);

/**
 * @param {Lab} lab
 * @param {Variant} variant
 */
function missing(lab, variant) {
  const node = nodeOf(lab, variant);
  const program = programOf(lab, variant);
  if (node === undefined) return 'no Node 26 was named: use --node26';
  if (program === undefined) return `the build ${olderCommit} is not available: ${lab.olderProblem}`;
  if (!existsSync(program)) return 'the program is not built: run npm run build';
  if (!variant.zeroCopy) return undefined;
  const help = spawnSync(node, [program, 'proxy', '--help'], { encoding: 'utf8' }).stdout;
  return help.includes('--zero-copy') ? undefined : 'this build has no --zero-copy';
}

/**
 * @param {Variant} variant
 * @returns {Subject}
 */
function sluicewaySubject(variant) {
  const { name, label, isOlder, onNode26, zeroCopy } = variant;
  return {
    name,
    label,
    kind: 'sluiceway',
    packaged: true,
    missing: (lab) => missing(lab, variant),
    async version(lab) {
      const program = /** @type {string} */ (programOf(lab, variant));
      const manifest = await readFile(path.join(path.dirname(program), '../package.json'), 'utf8');
      const { version } = JSON.parse(manifest);
      const build = isOlder ? `${version} (${olderCommit})` : version;
      if (!onNode26) return build;
      const { stdout } = await runCommand(/** @type {string} */ (lab.node26), ['--version']);
      return `${build} (Node ${stdout.trim().slice(1)})`;
    },
    async start(lab, { origin, tlsClient, http2Client }) {
      const port = await freePort();
      const { ca, cert, key } = lab.certificates;
      return startProgram(port, /** @type {string} */ (nodeOf(lab, variant)), [
        ...[/** @type {string} */ (programOf(lab, variant)), 'proxy', origin.origin],
        ...['--listen', `127.0.0.1:${port}`, '--log', 'none'],
        ...(tlsClient ? ['--cert', cert, '--key', key] : []),
        ...(tlsClient && !http2Client ? ['--no-http2'] : []),
        ...(origin.protocol === 'https:' ? ['--ca', ca] : []),
        ...(zeroCopy ? zeroCopyFlags : []),
      ]);
    },
  };
}

export const sluiceways = [
  sluicewaySubject({ name: 'sluiceway', label: 'Sluiceway' }),
  sluicewaySubject({ name: 'sluiceway-node26', label: 'Sluiceway, Node 26', onNode26: true }),
  sluicewaySubject({
    name: 'sluiceway-zero-copy',
    label: 'Sluiceway, Node 26, zero copy',
    onNode26: true,
    zeroCopy: true,
  }),
  sluicewaySubject({
    name: `sluiceway-${olderCommit}`,
    label: `Sluiceway, build ${olderCommit}`,
    isOlder: true,
  }),
  sluicewaySubject({
    name: `sluiceway-${olderCommit}-node26`,
    label: `Sluiceway, build ${olderCommit}, Node 26`,
    isOlder: true,
    onNode26: true,
  }),
];
