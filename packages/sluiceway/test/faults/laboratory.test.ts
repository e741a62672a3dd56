import { afterAll, beforeAll, test } from 'vitest';
import { comesOf, type Fault } from './lab/fault.js';
import { sections } from './lab/faults.js';
import { type Laboratory, openLaboratory } from './lab/laboratory.js';

let laboratory: Laboratory;
beforeAll(async () => {
  laboratory = await openLaboratory();
});
afterAll(() => laboratory.close());

const rows = sections.flatMap(({ begins, sources, faults }) =>
  faults
    .filter(({ slow }) => slow !== true)
    .map((fault): [string, Fault] => [`${begins} ${fault.name}: ${comesOf(fault)} [${sources}]`, fault]),
);

test.concurrent.for(rows)('%s', async ([, fault]) => {
  await laboratory.run(fault, { resumed: 8, plain: 3 }, 1);
});
