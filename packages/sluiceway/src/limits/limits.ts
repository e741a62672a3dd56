import { type SluicewayError, toSluicewayError } from '../errors.js';
import { PlacedList } from '../placed-list.js';
import { parseDurationMs } from '../units.js';
import { Admission, type LimitedTransfer } from './admission.js';
import { BlockedKeys } from './blocked-keys.js';
import { type Claim, claimsOf, refusalOf, stateOf } from './claims.js';
import type { BlockOptions, LimitControl } from './control.js';
import type { KeyState, Queued, Refusal } from './key-state.js';
import { type LimitedRequest, STAGES, type Stage } from './keys.js';
import { Queues } from './queues.js';
import { toError } from './refusal.js';
import { type Rule, weightOf } from './rule.js';
import { RuleState } from './rule-state.js';
import type { RuleUsage } from './rule-totals.js';
import { readRules } from './rule-usage.js';
import { SharedLimits } from './shared-limits.js';
import type { LimitStore } from './store.js';
import {
  type BlockedKey,
  type KeyUsage,
  type RuleStatus,
  readBlocks,
  toStatus,
  type UsageOptions,
  UsageReader,
} from './usage.js';

const MINUTE_MS = 60_000;

/** Applies rules to the transfers of one proxy. */
export class Limits implements LimitControl {
  /** Rules that `setRules` does not replace. */
  #fixed: readonly Rule[] = [];
  #rules: RuleState[] = [];
  readonly #queues = new Queues();
  readonly #usage = new UsageReader();
  #clock: NodeJS.Timeout | null = null;
  /** Transfers that have been asked about. Kept only while there are rules. */
  readonly #admissions = new PlacedList<Admission>();

  readonly #blocked = new BlockedKeys();
  /** Counts the changes of the rules. */
  #version = 0;
  #nextOrder = 0;
  /** Null: the counts are those of this process. */
  readonly #shared: SharedLimits | null;

  constructor(rules: readonly Rule[], store: LimitStore | null = null) {
    this.#shared =
      store === null ? null : new SharedLimits(store, (rule, key, ms) => this.#onBlocked(rule, key, ms));
    this.setRules(rules);
  }

  /** Whether there are rules for every request. */
  get hasRules(): boolean {
    return this.#rules.length > this.#fixed.length;
  }

  /** Adds rules that `setRules` keeps. Called once, before the first request. */
  addFixed(fixed: readonly Rule[]): void {
    const rules = this.#rules.map(({ rule }) => rule);
    this.#fixed = fixed;
    this.setRules(rules);
  }

  /**
   * Admits a request to the keys that are known at a stage. Throws a `SluicewayError` if a limit is reached. May wait in a
   * queue. `exempt`: names of rules that are not for the request.
   */
  async admit(
    transfer: LimitedTransfer,
    request: LimitedRequest,
    stage: Stage,
    exempt: ReadonlySet<string> | null = null,
  ): Promise<void> {
    let { admission } = transfer;
    if (admission === null) {
      admission = new Admission(transfer, request);
      transfer.admission = admission;
      this.#admissions.add(admission);
    }
    if (exempt !== null) admission.exempt = exempt;
    const { stage: before } = admission;
    const claims = claimsOf(this.#rules, admission, before, stage);
    const refusal = this.#try(admission, stage, claims, Number.POSITIVE_INFINITY);
    if (refusal !== null) await this.#wait(admission, stage, claims, refusal);
    if (this.#shared !== null) await this.#admitShared(this.#shared, admission, before);
  }

  /** Asks the store, until it has admitted the request to all of its keys. They change with the rules. */
  async #admitShared(shared: SharedLimits, admission: Admission, before: Stage): Promise<void> {
    admission.isAsking = true;
    try {
      while (admission.newToStore().length > 0) {
        const refusal = await shared.admit(admission);
        if (refusal === null) continue;
        const states = admission.newToStore();
        for (const state of states) state.requests?.add(-1);
        admission.stage = before;
        for (const state of admission.leave(states)) this.#queues.retry(state);
        throw this.#refuse(refusal, states);
      }
    } finally {
      admission.isAsking = false;
    }
  }

  /** The transfer is over. */
  leave(transfer: LimitedTransfer): void {
    const { admission } = transfer;
    if (admission === null) return;
    transfer.admission = null;
    admission.hasLeft = true;
    this.#admissions.delete(admission);
    this.#shared?.leave(admission);
    for (const state of admission.leave()) this.#queues.retry(state);
  }

  /** Replaces the rules, for running transfers too. `running`: all of them. */
  setRules(
    rules: readonly Rule[],
    running: Iterable<LimitedTransfer & { request: LimitedRequest | null }> = [],
  ): void {
    const old = new Map(this.#rules.map((state) => [state.rule.name, state]));
    const makeSupply = this.#shared?.makeSupply ?? (() => null);
    for (const admission of [...this.#admissions.all]) admission.leave();
    this.#rules = [...this.#fixed, ...rules].map((rule) => {
      const state = old.get(rule.name);
      if (state === undefined) return new RuleState(rule, this.#blocked.of(rule.sharedName), makeSupply);
      state.changeRule(rule);
      return state;
    });
    for (const transfer of running) {
      // Those without a target are asked about once they have one.
      if (transfer.admission !== null || transfer.request === null || transfer.limitTarget === null) continue;
      transfer.admission = new Admission(transfer, transfer.request);
      transfer.admission.stage = STAGES.target;
      this.#admissions.add(transfer.admission);
    }
    this.#version += 1;
    for (const admission of [...this.#admissions.all]) this.#rejoin(admission);
    this.#queues.retryAll();
    this.#watchClock();
  }

  /** Uses the keys of new rules, as far as the transfer was admitted before. */
  #rejoin(admission: Admission): void {
    try {
      for (const claim of claimsOf(this.#rules, admission, STAGES.none, admission.stage)) {
        const { rule, isActive } = claim.rule;
        admission.join(stateOf(claim), weightOf(rule, admission.request), isActive);
      }
      this.#shared?.adopt(admission);
    } catch (error) {
      // A function of the application has thrown. Without its key, the transfer would run without limits.
      admission.abort(toSluicewayError(error));
    }
  }

  rules(): RuleStatus[] {
    return this.#rules.map(toStatus);
  }

  ruleUsage(): RuleUsage[] {
    return readRules(this.#rules, this.#admissions.all, this.#queues.states);
  }

  blocks(): BlockedKey[] {
    return readBlocks(this.#rules);
  }

  usage(options?: UsageOptions): KeyUsage[] {
    return this.#usage.read(this.#rules, options);
  }

  block(rule: string, key: string, options: BlockOptions = {}): number {
    const ms = options.for === undefined ? Number.POSITIVE_INFINITY : parseDurationMs(options.for);
    const found = this.#find(rule);
    this.#shared?.block(found.rule, found.toKey(key), ms);
    return this.#blockFor(found, key, ms);
  }

  unblock(rule: string, key: string): boolean {
    const state = this.#find(rule);
    this.#shared?.block(state.rule, state.toKey(key), 0);
    return state.blocked.delete(state.toKey(key));
  }

  close(): void {
    this.#stopClock();
    this.#shared?.close();
  }

  #stopClock(): void {
    if (this.#clock !== null) clearTimeout(this.#clock);
    this.#clock = null;
  }

  /** Any process has blocked a key. `ms` 0: it has ended that. */
  #onBlocked(name: string, key: string, ms: number): void {
    const rule = this.#rules.find((each) => each.rule.sharedName === name);
    if (ms === 0) this.#blocked.of(name).delete(key);
    else if (rule !== undefined) this.#blockFor(rule, key, ms);
    // A store can tell it before there are rules.
    else this.#blocked.of(name).set(key, Date.now() + ms);
  }

  #blockFor(rule: RuleState, name: string, ms: number): number {
    const key = rule.toKey(name);
    rule.blocked.set(key, Date.now() + ms);
    const state = rule.keys.get(key);
    if (state === undefined) return 0;
    const uses = [...state.uses.all];
    for (const use of uses) use.abort(this.#refuse({ state, kind: 'blocked', retryMs: ms }, []));
    this.#queues.retry(state);
    return uses.length;
  }

  #find(name: string): RuleState {
    const found = this.#rules.find(({ rule }) => rule.name === name);
    if (found === undefined) throw new RangeError(`There is no rule with the name ${name}`);
    return found;
  }

  /** Takes everything that a request needs, or nothing. Requests of a lower `order` that wait for a key are first. */
  #try(admission: Admission, stage: Stage, claims: readonly Claim[], order: number): Refusal | null {
    const now = Date.now();
    const uses = claims.map((claim) => ({ rule: claim.rule, state: stateOf(claim) }));
    for (const { rule, state } of uses) {
      const refusal = refusalOf(rule, state, admission, order, now);
      if (refusal === null || (refusal.kind !== 'blocked' && this.#shared?.ignores(rule.rule))) continue;
      return refusal;
    }
    const weights = uses.map(({ rule }) => weightOf(rule.rule, admission.request));
    for (const [i, { rule, state }] of uses.entries()) {
      if (rule.isActive) state.requests?.add(1);
      admission.join(state, weights[i] ?? 1, rule.isActive);
    }
    admission.stage = stage;
    return null;
  }

  /** Waits in the queue of the key that refused, if it has one with room. */
  #wait(admission: Admission, stage: Stage, first: readonly Claim[], refusal: Refusal): Promise<void> {
    return new Promise((resolve, reject) => {
      let claims = first;
      let version = this.#version;
      const order = this.#nextOrder++;
      const begin = performance.now();
      const refused = (last: Refusal): void => reject(this.#refuse(last, claims.map(stateOf)));
      const ended = (settle: (reason?: unknown) => void, reason?: unknown): void => {
        queued.refusal.state.totals.waited(begin);
        settle(reason);
      };
      const queued: Queued = {
        order,
        deadline: begin + (refusal.state.rule.queue?.timeoutMs ?? 0),
        refusal,
        retry: () => {
          // Rules can change while a request waits.
          if (version !== this.#version) claims = claimsOf(this.#rules, admission, admission.stage, stage);
          version = this.#version;
          return this.#try(admission, stage, claims, order);
        },
        admitted: () => ended(() => resolve()),
        refused: (last) => ended(() => refused(last)),
        failed: (error) => ended(reject, error),
      };
      if (!this.#queues.add(queued, refusal)) {
        refused(refusal);
        return;
      }
      admission.transfer.onAborted((error) => {
        if (this.#queues.remove(queued)) ended(() => reject(error));
      });
    });
  }

  #refuse(refusal: Refusal, states: readonly KeyState[]): SluicewayError {
    refusal.state.totals.refused[refusal.kind] += 1;
    return toError(refusal, states);
  }

  /** Looks at the times of rules when a minute begins, if there are any. */
  #watchClock(): void {
    this.#stopClock();
    if (this.#rules.every(({ rule }) => rule.schedule.isConstant)) return;
    this.#clock = setTimeout(
      () => {
        for (const rule of this.#rules) rule.applySchedule(Date.now());
        for (const admission of [...this.#admissions.all]) this.#shared?.adopt(admission);
        this.#watchClock();
      },
      MINUTE_MS - (Date.now() % MINUTE_MS) + 5,
    ).unref();
  }
}
