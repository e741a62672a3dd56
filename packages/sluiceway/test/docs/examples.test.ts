import { describe, expect, test } from 'vitest';
import { checks } from './support/checks.js';
import { type Check, Example, makeProject } from './support/example.js';
import { type Block, readPage, userPages } from './support/markdown.js';
import { startExampleOrigin } from './support/origin.js';

const blocks = userPages.flatMap((path) => readPage(path).blocks);

describe('every example does what it says', () => {
  test.for(blocks.map((block) => [block.where, block.check, block] as const))(
    '%s: %s',
    async ([, name, block], { skip }) => {
      if (name === null) throw new Error('There is no <!-- test: … --> right above this block');
      const check = checks[name];
      if (check === undefined) throw new Error(`No check is called ${JSON.stringify(name)}`);
      for (const { missing } of check.tools ?? []) if (missing !== null) skip(missing);
      await runCheck(block, check);
    },
  );
});

test('no check is left over from an example that is gone', () => {
  const used = new Set(blocks.map(({ check }) => check));
  expect(Object.keys(checks).filter((name) => !used.has(name))).toEqual([]);
});

async function runCheck(block: Block, check: Check): Promise<void> {
  const origin = await startExampleOrigin();
  const project = makeProject();
  const example = new Example(block, origin, project.path);
  try {
    await check(example);
  } catch (error) {
    const output = example.running.map((running) => running.output).join('\n');
    throw new Error(`${(error as Error).message}\nThe example wrote: ${output}`, { cause: error });
  } finally {
    for (const running of example.running) await running.stop();
    if (origin.server.listening) await origin.stop();
    project.remove();
  }
}
