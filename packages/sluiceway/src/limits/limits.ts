import { toSluicewayError } from '../errors.js';
import { parseDurationMs } from '../units.js';
import { Admission, type LimitedTransfer } from './admission.js';
import { type Claim, refusalOf } from './claim.js';
import type { BlockOptions, LimitControl } from './control.js';
import type { Queued, Refusal } from './key-state.js';
import { keyOf, type LimitedRequest, type LimitTarget } from './keys.js';
import { Queues } from './queues.js';
import { toError } from './refusal.js';
import { appliesTo, type Rule, weightOf } from './rule.js';
import { RuleState } from './rule-state.js';
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
  #rules: RuleState[] = [];
  readonly #queues = new Queues();
  readonly #usage = new UsageReader();
  #clock: NodeJS.Timeout | null = null;
  /** Transfers that have been asked about. Kept only while there are rules. */
  readonly #admissions = new Set<Admission>();

  /** When blocked keys are free again, by the name of their rule, which may come later. */
  readonly #blocked = new Map<string, Map<string, number>>();
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

  get hasRules(): boolean {
    return this.#rules.length > 0;
  }

  /**
   * Admits a request to the keys that are known before its target is selected, or, with `target`, to the others. Throws a
   * `SluicewayError` if a limit is reached. May wait in a queue.
   */
  async admit(
    transfer: LimitedTransfer,
    request: LimitedRequest,
    target: LimitTarget | null = null,
  ): Promise<void> {
    let { admission } = transfer;
    if (admission === null) {
      admission = new Admission(transfer, request);
      transfer.admission = admission;
      this.#admissions.add(admission);
    }
    admission.target = target;
    const isEarly = target === null;
    let claims: readonly Claim[] = this.#claims(admission, isEarly);
    const refusal = this.#try(admission, isEarly, claims, Number.POSITIVE_INFINITY);
    if (refusal !== null) claims = await this.#wait(admission, isEarly, claims, refusal);
    if (this.#shared !== null && claims.length > 0) await this.#admitShared(this.#shared, admission, claims);
  }

  async #admitShared(shared: SharedLimits, admission: Admission, claims: readonly Claim[]): Promise<void> {
    const states = claims.flatMap(({ rule, state }) => (rule.isActive ? [state] : []));
    const refusal = await shared.admit(admission, states);
    if (refusal === null) return;
    for (const state of states) state.requests?.add(-1);
    throw toError(refusal, states);
  }

  /** The transfer is over. */
  leave(transfer: LimitedTransfer): void {
    const { admission } = transfer;
    if (admission === null) return;
    transfer.admission = null;
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
    for (const admission of this.#admissions) admission.leave();
    this.#rules = rules.map((rule) => {
      const state = old.get(rule.name);
      if (state === undefined)
        return new RuleState(rule, this.#blockedOf(rule.name), this.#shared?.makeSupply ?? (() => null));
      state.changeRule(rule);
      return state;
    });
    for (const transfer of running) {
      if (transfer.admission !== null || transfer.request === null) continue;
      transfer.admission = new Admission(transfer, transfer.request);
      transfer.admission.isAdmitted = true;
      this.#admissions.add(transfer.admission);
    }
    this.#version += 1;
    for (const admission of this.#admissions) this.#rejoin(admission);
    this.#queues.retryAll();
    this.#watchClock();
  }

  /** Uses the keys of new rules, as far as the transfer was admitted before. */
  #rejoin(admission: Admission): void {
    const { isAdmitted, isTargetAdmitted } = admission;
    try {
      const early = isAdmitted ? this.#claims(admission, true) : [];
      const others = isTargetAdmitted ? this.#claims(admission, false) : [];
      for (const { rule, state } of [...early, ...others])
        admission.join(state, weightOf(rule.rule, admission.request), rule.isActive);
    } catch (error) {
      // A function of the application has thrown. Without its key, the transfer would run without limits.
      admission.abort(toSluicewayError(error));
    }
  }

  rules(): RuleStatus[] {
    return this.#rules.map(toStatus);
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
    this.#shared?.block(rule, found.toKey(key), ms);
    return this.#blockFor(found, key, ms);
  }

  unblock(rule: string, key: string): boolean {
    const state = this.#find(rule);
    this.#shared?.block(rule, state.toKey(key), 0);
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
    const rule = this.#rules.find((each) => each.rule.name === name);
    if (ms === 0) this.#blockedOf(name).delete(key);
    else if (rule !== undefined) this.#blockFor(rule, key, ms);
    // A store can tell it before there are rules.
    else this.#blockedOf(name).set(key, Date.now() + ms);
  }

  #blockedOf(rule: string): Map<string, number> {
    const known = this.#blocked.get(rule);
    if (known !== undefined) return known;
    const created = new Map<string, number>();
    this.#blocked.set(rule, created);
    return created;
  }

  #blockFor(rule: RuleState, name: string, ms: number): number {
    const key = rule.toKey(name);
    rule.blocked.set(key, Date.now() + ms);
    const state = rule.keys.get(key);
    if (state === undefined) return 0;
    const members = [...state.members];
    for (const member of members) member.abort(toError({ state, kind: 'blocked', retryMs: ms }, []));
    this.#queues.retry(state);
    return members.length;
  }

  #find(name: string): RuleState {
    const found = this.#rules.find(({ rule }) => rule.name === name);
    if (found === undefined) throw new RangeError(`There is no rule with the name ${name}`);
    return found;
  }

  /** The keys of a request that are known before its target is selected, or the others. */
  #claims({ request, target }: Admission, isEarly: boolean): Claim[] {
    const claims: Claim[] = [];
    for (const rule of this.#rules) {
      if (rule.isEarly !== isEarly || !appliesTo(rule.rule, request)) continue;
      const key = keyOf(rule.rule.by, rule.rule.ipv6Prefix, request, target);
      if (key !== null) claims.push({ rule, state: rule.use(key) });
    }
    return claims;
  }

  /** Takes everything that a request needs, or nothing. Requests of a lower `order` that wait for a key are first. */
  #try(admission: Admission, isEarly: boolean, claims: readonly Claim[], order: number): Refusal | null {
    const now = Date.now();
    for (const claim of claims) {
      const refusal = refusalOf(claim, admission, order, now);
      if (refusal === null || (refusal.kind !== 'blocked' && this.#shared?.ignores(claim.rule.rule)))
        continue;
      return refusal;
    }
    const weights = claims.map(({ rule }) => weightOf(rule.rule, admission.request));
    for (const [i, { rule, state }] of claims.entries()) {
      if (rule.isActive) state.requests?.add(1);
      admission.join(state, weights[i] ?? 1, rule.isActive);
    }
    if (isEarly) admission.isAdmitted = true;
    else admission.isTargetAdmitted = true;
    return null;
  }

  /** Waits in the queue of the key that refused, if it has one with room. Resolves with the keys that have admitted. */
  #wait(
    admission: Admission,
    isEarly: boolean,
    first: readonly Claim[],
    refusal: Refusal,
  ): Promise<readonly Claim[]> {
    return new Promise((resolve, reject) => {
      let claims = first;
      let version = this.#version;
      const order = this.#nextOrder++;
      const refused = (last: Refusal): void =>
        reject(
          toError(
            last,
            claims.map(({ state }) => state),
          ),
        );
      const queued: Queued = {
        order,
        deadline: performance.now() + (refusal.state.rule.queue?.timeoutMs ?? 0),
        refusal,
        retry: () => {
          // Rules can change while a request waits.
          if (version !== this.#version) claims = this.#claims(admission, isEarly);
          version = this.#version;
          return this.#try(admission, isEarly, claims, order);
        },
        admitted: () => resolve(claims),
        refused,
        failed: reject,
      };
      if (!this.#queues.add(queued, refusal)) {
        refused(refusal);
        return;
      }
      admission.transfer.onAborted((error) => {
        this.#queues.remove(queued);
        reject(error);
      });
    });
  }

  /** Looks at the times of rules when a minute begins, if there are any. */
  #watchClock(): void {
    this.#stopClock();
    if (this.#rules.every(({ rule }) => rule.schedule.isConstant)) return;
    this.#clock = setTimeout(
      () => {
        for (const rule of this.#rules) rule.applySchedule(Date.now());
        this.#watchClock();
      },
      MINUTE_MS - (Date.now() % MINUTE_MS) + 5,
    ).unref();
  }
}
