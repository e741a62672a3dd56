import type { Diagnosis } from './diagnose.js';
import type { Finding } from './finding.js';

/** One line for each finding, and what was not tested. */
export function formatDiagnosis(diagnosis: Diagnosis): string[] {
  const { findings, passed, notTested, hops, origin, url } = diagnosis;
  const products = hops[0]?.products ?? [];
  return [
    `${url}: ${products.length === 0 ? 'no product names itself' : `the chain has ${products.join(', ')}`}${origin === 'file' ? '; tested as a file, without the echo origin' : ''}`,
    ...findings.map(formatFinding),
    ...formatNotTested(notTested),
    `${count(findings.length, 'finding')}; ${count(passed.length, 'test')} without one, ${notTested.length} not possible`,
  ];
}

/** One line for each reason. */
function formatNotTested(notTested: Diagnosis['notTested']): string[] {
  const byReason = new Map<string, string[]>();
  for (const { probe, reason } of notTested) byReason.set(reason, [...(byReason.get(reason) ?? []), probe]);
  return [...byReason].map(([reason, names]) => `not tested  ${names.join(', ')}: ${reason}`);
}

function formatFinding({ severity, id, message, hop, settings }: Finding): string {
  const where = [hop.product, hop.url].filter((each) => each !== null).join(' at ');
  const what = settings.map(({ product, setting }) => `${product}: ${setting}`).join('; ');
  const advice =
    what === '' ? (hop.product === null ? '' : `; no setting of ${hop.product} changes it`) : `; set ${what}`;
  return `${severity.padEnd(10)}  ${id}: ${message}${where === '' ? '' : ` (${where})`}${advice}`;
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
