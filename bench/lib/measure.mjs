// @ts-check
import { verifyUpload } from '../workloads/transfers.mjs';
import { verifyTunnel } from '../workloads/tunnel.mjs';
import { verifyDownload } from './curl.mjs';
import { files, wire } from './lab.mjs';
import { summarise } from './statistics.mjs';

/** @import { Lab, Result, Route, Run, Subject, Workload, WorkloadReport } from './types.mjs' */

/**
 * Starts a subject for one piece of work, alone.
 *
 * @template T
 * @param {Lab} lab
 * @param {Subject} subject
 * @param {Route} route
 * @param {(run: Run) => Promise<T>} work
 */
async function withSubject(lab, subject, route, work) {
  const wiring = wire(lab, route);
  const program = await subject.start(lab, wiring);
  try {
    const url = new URL(`${wiring.tlsClient ? 'https' : 'http'}://127.0.0.1:${program.port}`);
    return await work({ lab, program, url, wiring });
  } finally {
    await program.stop();
  }
}

/**
 * @param {Lab} lab
 * @param {unknown} error
 */
function reasonOf({ dir, root }, error) {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(dir, '<run>').replaceAll(root, '<repository>');
}

/** @param {Run} run */
function verify(run) {
  if (run.wiring.route === 'upload') return verifyUpload(run);
  return run.wiring.route === 'tunnel' ? verifyTunnel(run) : verifyDownload(run, files.probe);
}

export class Bench {
  /**
   * Why a subject is wrong on a route.
   *
   * @readonly
   * @type {Map<string, string | undefined>}
   */
  #verdicts = new Map();

  /**
   * @param {Lab} lab
   * @param {(line: string) => void} log
   */
  constructor(lab, log) {
    this.lab = lab;
    this.log = log;
  }

  /**
   * Speed counts for nothing where the bytes are wrong.
   *
   * @param {Subject} subject
   * @param {Route} route
   */
  async #verify(subject, route) {
    const key = `${subject.name} ${route}`;
    if (!this.#verdicts.has(key)) {
      const verdict = await withSubject(this.lab, subject, route, verify).then(
        () => undefined,
        (/** @type {unknown} */ error) => reasonOf(this.lab, error),
      );
      this.#verdicts.set(key, verdict);
    }
    return this.#verdicts.get(key);
  }

  /**
   * All rounds of one workload. The subjects take turns, so that what else the machine does hits all of them.
   *
   * @param {Workload} workload
   * @param {readonly Subject[]} present
   * @returns {Promise<WorkloadReport>}
   */
  async run(workload, present) {
    const { name, title } = workload;
    const subjects = present.filter((subject) => workload.subjects?.(subject) ?? true);
    const rounds = Math.min(this.lab.scale.rounds, workload.maxRounds);
    const missing = workload.needs.filter((tool) => !this.lab.tools.has(tool));
    if (missing.length > 0)
      return { name, title, rounds: 0, skipped: `${missing.join(', ')} not installed`, results: [] };

    /** @type {Result[]} */
    const results = [];
    for (const subject of subjects) {
      const reason = await this.#verify(subject, workload.route);
      if (reason !== undefined) this.log(`${name}: ${subject.name} FAILED: ${reason}`);
      /** @type {Pick<Result, 'status' | 'reason'>} */
      const standing = reason === undefined ? { status: 'ok' } : { status: 'failed', reason };
      results.push({ subject: subject.name, ...standing, rounds: [], median: {}, min: {}, max: {} });
    }
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < subjects.length; turn++) {
        const index = (turn + round) % subjects.length;
        await this.#round(
          workload,
          round,
          /** @type {Subject} */ (subjects[index]),
          /** @type {Result} */ (results[index]),
        );
      }
    }
    for (const result of results) Object.assign(result, summarise(result.rounds));
    return { name, title, rounds, results };
  }

  /**
   * @param {Workload} workload
   * @param {number} round
   * @param {Subject} subject
   * @param {Result} result
   */
  async #round(workload, round, subject, result) {
    if (result.status === 'failed') return;
    try {
      const sample = await withSubject(this.lab, subject, workload.route, async (run) => {
        await workload.warmUp(run);
        return workload.measure(run);
      });
      result.rounds.push(sample);
      const shown = workload.columns.map(
        ({ key, title, digits }) => `${title} ${sample[key]?.toFixed(digits)}`,
      );
      this.log(`${workload.name}, round ${round + 1}: ${subject.name}: ${shown.join(', ')}`);
    } catch (error) {
      result.status = 'failed';
      result.reason = reasonOf(this.lab, error);
      this.log(`${workload.name}, round ${round + 1}: ${subject.name} FAILED: ${result.reason}`);
    }
  }
}
