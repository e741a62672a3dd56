import { describe, expect, test } from 'vitest';
import { formatPage, formatSummary, readMeasured } from '../../../../scripts/faults/pages.mjs';
import { allowed } from '../faults/lab/fault.js';
import { sections } from '../faults/lab/faults.js';
import type { Verdict } from '../faults/lab/verdict.js';
import { readPage } from './support/markdown.js';

const measured = readMeasured();

describe('the tables of faults', () => {
  test('on their page are what was measured', () => {
    expect(readPage('docs/faults.md').lines.join('\n')).toBe(formatPage(measured));
  });

  test('in the README are the sums of it', () => {
    const text = readPage('README.md').lines.join('\n');
    const [, block] = /<!-- faults -->\n(.*?)<!-- \/faults -->/s.exec(text) ?? [];
    expect(block).toBe(formatSummary(measured));
  });

  test('have every fault of the laboratory', () => {
    const rows = sections.map(({ heading, faults }) => [heading, faults.map(({ name }) => name)]);
    const shown = Object.entries(measured.sections).map(([heading, faults]) => [
      heading,
      faults.map(({ name }) => name),
    ]);
    expect(shown).toEqual(rows);
  });

  test.for([
    ['Sluiceway', true],
    ['Sluiceway, `resume: false`', false],
  ] as const)('show of %s nothing but what must come of each', ([name, resume]) => {
    const subject = measured.subjects.find((each) => each.name === name);
    const wrong = sections.flatMap(({ heading, faults }) =>
      faults.flatMap((fault) => {
        const seen = Object.keys(subject?.tallies[heading]?.[fault.name] ?? { nothing: 1 }) as Verdict[];
        return seen
          .filter((verdict) => !allowed(fault, resume).includes(verdict))
          .map((v) => [fault.name, v]);
      }),
    );
    expect(wrong).toEqual([]);
  });
});
