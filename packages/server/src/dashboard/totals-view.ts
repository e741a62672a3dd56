import type { TotalsData } from './contract.js';
import { byId, setText } from './dom.js';
import { formatCount, formatRate } from './format.js';
import { sumOutcomes } from './history.js';

/** Shows the present rates, and how many transfers have ended how since the server started. */
export function showTotals({ rateDown, rateUp, outcomes }: TotalsData): void {
  const { completed, failed, left } = sumOutcomes(outcomes);
  for (const [id, text] of [
    ['rate-down', formatRate(rateDown)],
    ['rate-up', formatRate(rateUp)],
    ['count-completed', formatCount(completed)],
    ['count-failed', formatCount(failed)],
    ['count-left', formatCount(left)],
  ] as const)
    setText(byId(id), text);
}
