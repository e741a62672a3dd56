import type { ProcessChanges, TransferEnd, ViewChange } from './change-tracker.js';
import type { ProcessAnswer } from './questions.js';
import type { TransferView } from './transfer-view.js';

/** What has changed in all processes. */
export interface Delta {
  /** ISO 8601 in UTC. */
  time: string;
  started: TransferView[];
  changed: ViewChange[];
  ended: TransferEnd[];
}

interface Known {
  view: TransferView;
  pid: number;
  /** When the view was told, as `Date.now`. */
  at: number;
}

/** The running transfers of all processes, from what each tells of its changes. */
export class LiveState {
  readonly #known = new Map<string, Known>();

  /** All running transfers. Their times are those of `now`. */
  views(now: number): TransferView[] {
    return Array.from(this.#known.values(), ({ view, at }) => ({
      ...view,
      durationMs: Math.max(0, now - Date.parse(view.startedAt)),
      waitingMs: view.waitingFor === null ? 0 : view.waitingMs + now - at,
    }));
  }

  /** Takes over the changes. `now`: as `Date.now`. */
  apply(answers: readonly ProcessAnswer<ProcessChanges | null>[], now: number): Delta {
    const delta: Delta = { time: new Date(now).toISOString(), started: [], changed: [], ended: [] };
    const pids = new Set(answers.map(({ pid }) => pid));
    for (const [id, { pid, view }] of this.#known)
      if (!pids.has(pid)) this.#end(lostEnd(view, now), id, delta);
    for (const { pid, worker, answer } of answers) {
      if (answer === null) continue;
      for (const end of answer.ended) this.#end(end, end.id, delta);
      if (answer.isWhole) this.#forgetOthers(pid, answer.started, delta, now);
      for (const each of answer.started) {
        const view = { ...each, worker };
        if (this.#known.has(view.id)) delta.changed.push(view);
        else delta.started.push(view);
        this.#known.set(view.id, { view, pid, at: now });
      }
      for (const change of answer.changed) {
        const known = this.#known.get(change.id);
        if (known === undefined) continue;
        Object.assign(known.view, change);
        known.at = now;
        delta.changed.push(change);
      }
    }
    return delta;
  }

  /** A process tells everything again: transfers that are not among it have ended unseen. */
  #forgetOthers(pid: number, running: readonly TransferView[], delta: Delta, now: number): void {
    const ids = new Set(running.map(({ id }) => id));
    for (const [id, known] of this.#known)
      if (known.pid === pid && !ids.has(id)) this.#end(lostEnd(known.view, now), id, delta);
  }

  #end(end: TransferEnd, id: string, delta: Delta): void {
    if (this.#known.delete(id)) delta.ended.push(end);
  }
}

/** The end of a transfer whose process has ended or did not tell it. */
const lostEnd = (view: TransferView, now: number): TransferEnd => ({
  id: view.id,
  outcome: 'internal',
  status: view.status,
  error: 'proxy_internal_error',
  errorMessage: 'The end of the transfer is unknown: its process has ended, or did not answer in time',
  bytesDown: view.bytesDown,
  bytesUp: view.bytesUp,
  durationMs: Math.max(0, now - Date.parse(view.startedAt)),
  resumes: view.resumes,
});
