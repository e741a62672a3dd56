import { afterAll, beforeAll, expect, test } from 'vitest';
import { anywhere, cut, failAtRandom } from './lab/draw.js';
import type { Fault } from './lab/fault.js';
import { sections } from './lab/faults.js';
import { type Laboratory, openLaboratory } from './lab/laboratory.js';
import { profilesInFull } from './lab/profiles.js';

let laboratory: Laboratory;
beforeAll(async () => {
  laboratory = await openLaboratory();
});
afterAll(() => laboratory.close());

const rows = [...sections, profilesInFull].flatMap(({ begins, faults }) =>
  faults.map((fault) => [`${begins} ${fault.name}`, fault] as const),
);

test.concurrent.for(rows)('%s, 55 times', async ([, fault]) => {
  expect(await laboratory.run(fault, { resumed: 45, plain: 10 }, 1_000_000)).toEqual([]);
});

/** Larger than all buffers on the way: the proxy stands still when the break comes. */
const large: Fault = {
  name: 'of some megabytes, to a client that stops reading again and again',
  expected: 'healed',
  draw: {
    sizes: [3_000_000, 7_000_001],
    isSlow: true,
    first: cut(anywhere, 'fin', 'reset'),
    later: failAtRandom,
  },
};

test(`a response ${large.name}, 24 times`, async () => {
  for (let seed = 0; seed < 3; seed += 1)
    expect(await laboratory.run(large, { resumed: 7, plain: 1 }, seed)).toEqual([]);
});
