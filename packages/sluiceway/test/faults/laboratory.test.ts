import { afterAll, beforeAll, expect, test } from 'vitest';
import { times } from '../support/full-counts.js';
import { atATime } from './lab/at-a-time.js';
import { comesOf } from './lab/fault.js';
import { sections } from './lab/faults.js';
import { type Laboratory, openLaboratory } from './lab/laboratory.js';
import { openTotals } from './lab/open-totals.js';
import { profilesSample } from './lab/profiles.js';

const COUNTS = { resumed: times(6, 3), plain: times(2, 1) };

/** Nearly all faults wait, for timeouts and for pauses between attempts. */
const AT_A_TIME = 16;

const rows = [...sections, openTotals, profilesSample].flatMap(({ begins, sources, faults }) =>
  faults
    .filter(({ slow }) => slow !== true)
    .map((fault) => ({ title: `${begins} ${fault.name}: ${comesOf(fault)} [${sources}]`, fault })),
);

let laboratory: Laboratory;
let results: Promise<string[]>[];
beforeAll(async () => {
  laboratory = await openLaboratory();
  results = atATime(
    AT_A_TIME,
    rows.map(
      ({ fault }) =>
        () =>
          laboratory.run(fault, COUNTS, 1),
    ),
  );
});
afterAll(() => laboratory.close());

test.for(rows.map(({ title }, index): [string, number] => [title, index]))('%s', async ([, index]) => {
  expect(await results[index]).toEqual([]);
});
