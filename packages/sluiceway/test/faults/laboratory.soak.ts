import { afterAll, beforeAll, expect, test } from 'vitest';
import { sections } from './lab/faults.js';
import { type Laboratory, openLaboratory } from './lab/laboratory.js';

let laboratory: Laboratory;
beforeAll(async () => {
  laboratory = await openLaboratory();
});
afterAll(() => laboratory.close());

const rows = sections.flatMap(({ begins, faults }) =>
  faults.map((fault) => [`${begins} ${fault.name}`, fault] as const),
);

test.concurrent.for(rows)('%s, 55 times', async ([, fault]) => {
  expect(await laboratory.run(fault, { resumed: 45, plain: 10 }, 1_000_000)).toEqual([]);
});
