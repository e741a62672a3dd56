// @ts-check
/** @import { Sample } from './types.mjs' */

/**
 * @param {readonly number[]} values
 * @param {number} fraction  0.5 is the median
 */
export function quantile(values, fraction) {
  const sorted = values.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * fraction;
  const below = sorted[Math.floor(position)];
  const above = sorted[Math.ceil(position)];
  if (below === undefined || above === undefined) throw new RangeError('a quantile of no values');
  return below + (above - below) * (position - Math.floor(position));
}

/** @param {readonly number[]} values */
const median = (values) => quantile(values, 0.5);

/**
 * @param {readonly Sample[]} rounds
 * @returns {{ median: Sample, min: Sample, max: Sample }}
 */
export function summarise(rounds) {
  /** @type {{ median: Sample, min: Sample, max: Sample }} */
  const summary = { median: {}, min: {}, max: {} };
  for (const key of Object.keys(rounds[0] ?? {})) {
    const values = rounds.map((round) => round[key]).filter((value) => value !== undefined);
    summary.median[key] = median(values);
    summary.min[key] = Math.min(...values);
    summary.max[key] = Math.max(...values);
  }
  return summary;
}
