import { randomUUID } from 'node:crypto';
import { SluicewayError } from '../errors.js';
import type { Admission } from './admission.js';
import type { KeyState, Refusal, SupplyFactory } from './key-state.js';
import { type LeasedSupply, Leases } from './leased-supply.js';
import type { Rule } from './rule.js';
import { SharedBytes, toRequest } from './shared-bytes.js';
import type { Count, CountRequest, Entered, LimitStore, Refused, SlotRequest } from './store.js';

/** How often a request in a queue asks the store again, with a random part. */
const RETRY_MS = 150;

/** A block that came from any process. */
type OnBlocked = (rule: string, key: string, ms: number) => void;

interface Question {
  state: KeyState;
  kind: 'requests' | 'bytes';
  request: CountRequest;
}

/** More slots than any limit. */
const NO_LIMIT = Number.MAX_SAFE_INTEGER;

/** The part of rules that processes share through a store. */
export class SharedLimits {
  readonly #store: LimitStore;
  readonly #leases: Leases;
  readonly #bytes: SharedBytes;
  readonly #supplies = new WeakMap<KeyState, LeasedSupply[]>();
  /** Names of slots in the store. */
  readonly #slots = new WeakMap<Admission, string[]>();
  /** Keys of which the count of bytes is asked for. */
  readonly #asked = new WeakSet<KeyState>();
  readonly #stopWatching: () => void;
  #isDown = false;

  constructor(store: LimitStore, onBlocked: OnBlocked) {
    this.#store = store;
    this.#leases = new Leases(store);
    this.#bytes = new SharedBytes(store);
    const tell = (name: string, ms: number): void => {
      const end = name.indexOf('\n');
      if (end >= 0) onBlocked(name.slice(0, end), name.slice(end + 1), ms);
    };
    this.#stopWatching = store.watch({
      onRevoked: () => {},
      onBlocked: tell,
      onUnblocked: (name) => tell(name, 0),
    });
  }

  readonly makeSupply: SupplyFactory = (state, direction) => {
    const supply = this.#leases.create(state, direction);
    this.#supplies.set(state, [...(this.#supplies.get(state) ?? []), supply]);
    return supply;
  };

  /** Whether the limits of a rule do not hold at present, because the store cannot be asked. */
  ignores({ onStoreFailure }: Rule): boolean {
    return this.#isDown && onStoreFailure === 'open';
  }

  /**
   * Admits a request, that this process admits, to those of its keys of which the store does not know. Returns the refusal,
   * also after a wait in a queue.
   */
  async admit(admission: Admission): Promise<Refusal | null> {
    const supplies = admission.newToStore().flatMap((state) => this.#supplies.get(state) ?? []);
    const [refusal] = await Promise.all([
      this.#admitInQueue(admission),
      ...supplies.map((supply) => this.#leases.prime(supply)),
    ]);
    return refusal;
  }

  /** Tells the store that a running transfer uses keys of new rules, even beyond their limits. */
  adopt(admission: Admission): void {
    if (admission.isAsking) return;
    const states = admission.newToStore();
    const without = states.filter((state) => !admission.hasSlot(state));
    const slots = toSlots(without).map(({ key }) => ({ key, max: NO_LIMIT }));
    admission.grant(states);
    if (slots.length > 0) this.#enterLate(admission, slots).catch(() => {});
    for (const state of admission.states)
      if (!this.#bytes.knows(state)) this.#readBytes(state).catch(() => {});
  }

  async #enterLate(admission: Admission, slots: readonly SlotRequest[]): Promise<void> {
    const id = randomUUID();
    await this.#store.enter(slots, id);
    if (admission.hasLeft) await this.#store.leave(id);
    else this.#hold(admission, id);
  }

  async #readBytes(state: KeyState): Promise<void> {
    const request = toRequest(state, 0);
    if (request === null || this.#asked.has(state)) return;
    this.#asked.add(state);
    try {
      const [count] = await this.#store.count([request]);
      this.#bytes.begin(state, count?.used ?? 0);
    } finally {
      this.#asked.delete(state);
    }
  }

  #hold(admission: Admission, id: string): void {
    this.#slots.set(admission, [...(this.#slots.get(admission) ?? []), id]);
  }

  leave(admission: Admission): void {
    for (const id of this.#slots.get(admission) ?? []) this.#store.leave(id).catch(() => {});
    this.#slots.delete(admission);
  }

  /** Blocks a key in all processes, or ends that with 0 milliseconds. */
  block({ sharedName }: Rule, key: string, ms: number): void {
    const name = `${sharedName}\n${key}`;
    const told = ms > 0 ? this.#store.block(name, ms) : this.#store.unblock(name);
    told.catch((error: unknown) => {
      process.emitWarning(`A block did not reach other processes: ${String(error)}`, 'SluicewayStoreWarning');
    });
  }

  close(): void {
    this.#stopWatching();
    void this.#bytes.flush();
    this.#bytes.close();
    this.#leases.close();
  }

  async #admitInQueue(admission: Admission): Promise<Refusal | null> {
    const begin = performance.now();
    let gone: SluicewayError | null = null;
    let wake: () => void = () => {};
    for (let isFirst = true; ; isFirst = false) {
      // Rules can have changed while it waited.
      const states = admission.newToStore();
      const refusal = await this.#ask(admission, states);
      if (refusal === null) {
        admission.grant(states);
        return null;
      }
      const { queue } = refusal.state.rule;
      const canWait = queue !== null && (refusal.kind === 'transfers' || refusal.kind === 'requests');
      if (!canWait || performance.now() - begin >= queue.timeoutMs) return refusal;
      if (isFirst) {
        admission.transfer.onAborted((error) => {
          gone = error;
          wake();
        });
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, RETRY_MS * (1 + Math.random()));
      });
      if (gone !== null) throw gone as SluicewayError;
    }
  }

  /** Takes slots and counts, all or none. */
  async #ask(admission: Admission, states: readonly KeyState[]): Promise<Refusal | null> {
    const limited = states.filter(hasSlots);
    const questions = states.flatMap(toQuestions);
    if (limited.length === 0 && questions.length === 0) return null;
    const id = randomUUID();
    const slots = toSlots(states);
    const requests = questions.map(({ request }) => request);
    const [entered, counted] = await Promise.allSettled([
      slots.length === 0 ? null : this.#store.enter(slots, id),
      requests.length === 0 ? [] : this.#store.count(requests),
    ]);
    if (entered.status === 'rejected' || counted.status === 'rejected') {
      this.#isDown = true;
      if (entered.status === 'fulfilled') this.#giveBack(id, entered.value, []);
      if (counted.status === 'fulfilled') this.#giveBack(id, null, added(requests, counted.value));
      const closed = [...limited, ...questions.map(({ state }) => state)].find(
        ({ rule }) => rule.onStoreFailure === 'closed',
      );
      if (closed === undefined) return null;
      throw new SluicewayError(
        'limit_unavailable',
        `The store of the rule ${closed.rule.name} cannot be asked`,
      );
    }
    this.#isDown = false;
    const refusal = toRefusal(limited, entered.value, questions, counted.value);
    if (refusal !== null) {
      this.#giveBack(id, entered.value, added(requests, counted.value));
      return refusal;
    }
    if (slots.length > 0) this.#hold(admission, id);
    for (const [i, { state, kind }] of questions.entries()) {
      if (kind === 'bytes') this.#bytes.begin(state, counted.value[i]?.used ?? 0);
    }
    return null;
  }

  #giveBack(id: string, entered: Entered | Refused | null, requests: readonly CountRequest[]): void {
    if (entered?.entered === true) this.#store.leave(id).catch(() => {});
    const back = requests.map((request) => ({ ...request, add: -request.add, forced: true }));
    if (back.length > 0) this.#store.count(back).catch(() => {});
  }
}

/** What was added to counters. */
const added = (requests: readonly CountRequest[], counts: readonly Count[]): CountRequest[] =>
  requests.filter(({ add }, i) => add > 0 && counts[i]?.added === true);

const hasSlots = ({ rule }: KeyState): boolean => rule.transfers !== null;

const toSlots = (states: readonly KeyState[]): SlotRequest[] =>
  states
    .filter(hasSlots)
    .map(({ rule, sharedKey }) => ({ key: `${sharedKey}\ntransfers`, max: rule.transfers ?? 0 }));

function toQuestions(state: KeyState): Question[] {
  const { rule, sharedKey } = state;
  const questions: Question[] = [];
  if (rule.requests !== null) {
    const { count, ms } = rule.requests;
    const window = { kind: 'sliding', ms } as const;
    const request = { key: `${sharedKey}\nrequests`, add: 1, limit: count, forced: false, window };
    questions.push({ state, kind: 'requests', request });
  }
  const bytes = toRequest(state, 0);
  if (bytes !== null) questions.push({ state, kind: 'bytes', request: bytes });
  return questions;
}

function toRefusal(
  limited: readonly KeyState[],
  entered: Entered | Refused | null,
  questions: readonly Question[],
  counts: readonly Count[],
): Refusal | null {
  for (const [i, { state, kind, request }] of questions.entries()) {
    const { used = 0, resetMs = 0 } = counts[i] ?? {};
    const isFull =
      kind === 'bytes' ? used >= request.limit : counts[i]?.added !== true && used >= request.limit;
    if (isFull) return { state, kind, retryMs: resetMs };
  }
  if (entered === null || entered.entered) return null;
  const state = limited[entered.full];
  return state === undefined ? null : { state, kind: 'transfers', retryMs: null };
}
