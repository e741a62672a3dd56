// @ts-check
import { subjects } from '../subjects/index.mjs';
import { workloads } from '../workloads/index.mjs';

/** @import { Result, Workload, WorkloadReport } from '../lib/types.mjs' */

/**
 * @param {readonly WorkloadReport[]} reports
 * @param {string} workload
 * @param {string} subject
 * @param {string} key
 */
export function medianOf(reports, workload, subject, key) {
  const result = reports
    .find(({ name }) => name === workload)
    ?.results.find((one) => one.subject === subject);
  return result?.status === 'ok' ? result.median[key] : undefined;
}

/** @param {string} name */
export const workloadOf = (name) =>
  /** @type {Workload} */ (workloads.find((workload) => workload.name === name));

/** @param {Result} result */
export const labelOf = (result) =>
  subjects.find(({ name }) => name === result.subject)?.label ?? result.subject;

/** @param {(subject: import('../lib/types.mjs').Subject) => boolean} test */
export const subjectNames = (test) => subjects.filter(test).map(({ name }) => name);
