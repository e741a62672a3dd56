import { expect } from 'vitest';
import { test } from '../../sluiceway/test/support/fixture.js';
import { describeWith, requireTool } from '../../sluiceway/test/support/requirements.js';
import { runTool, scratchFolder } from '../../sluiceway/test/support/tool.js';

const bash = requireTool('bash');
const script = new URL('../bin/sluiceway.js', import.meta.url).pathname;

describeWith(bash)('the output of a command', () => {
  test.for(['keys new', 'config schema', 'config init'])(
    '%s: exit code 1 if the device is full, and 0 if the reader has left [Sluiceway]',
    async (command, { net }) => {
      const run = `"${process.execPath}" "${script}" ${command}`;
      const lines = [`${run} >/dev/full; echo $?`, `${run} | true; echo \${PIPESTATUS[0]}`];
      const { stdout, stderr } = await runTool(net, bash, ['-c', lines.join('\n')], {
        in: scratchFolder(net),
      });
      expect(stderr).toBe('sluiceway: cannot write standard output: no space is left on the device\n');
      expect(stdout).toBe('1\n0\n');
    },
  );
});
