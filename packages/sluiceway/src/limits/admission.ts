import type { SluicewayError } from '../errors.js';
import type { Placed } from '../placed-list.js';
import type { Flow, Share } from '../stream/flow.js';
import type { KeyState, KeyUse, Refusal } from './key-state.js';
import { type LimitedRequest, type LimitTarget, STAGES, type Stage } from './keys.js';
import { QuotaShare } from './quota-share.js';
import { toError } from './refusal.js';

/** The members of a transfer that limits need. */
export interface LimitedTransfer {
  readonly id: string;
  readonly bytesDown: number;
  readonly bytesUp: number;
  /** The flow of one direction. */
  flow(direction: 'up' | 'down'): Flow;
  abortWith(error: SluicewayError): void;
  onAborted(listener: (error: SluicewayError) => void): void;
  /** Null until the link is read or the target is selected. */
  limitTarget: LimitTarget | null;
  /** The use of limits. Null: none. */
  admission: Admission | null;
}

/** The use of a key by a transfer. */
class Use implements KeyUse {
  readonly state: KeyState;
  readonly shares: readonly Share[];
  readonly #transfer: LimitedTransfer;
  /** Bytes of the transfer when the use began. */
  readonly #down: number;
  readonly #up: number;
  place = -1;

  constructor(state: KeyState, shares: readonly Share[], transfer: LimitedTransfer) {
    this.state = state;
    this.shares = shares;
    this.#transfer = transfer;
    this.#down = transfer.bytesDown;
    this.#up = transfer.bytesUp;
  }

  abort(error: SluicewayError): void {
    this.#transfer.abortWith(error);
  }

  bytes(): { down: number; up: number } {
    return { down: this.#transfer.bytesDown - this.#down, up: this.#transfer.bytesUp - this.#up };
  }
}

/** The use of limits by one transfer. */
export class Admission implements Placed {
  readonly transfer: LimitedTransfer;
  readonly request: LimitedRequest;
  readonly #uses: Use[] = [];
  /** The last stage whose rules have admitted it. */
  stage: Stage = STAGES.none;
  /** Names of rules that are not for it. */
  exempt: ReadonlySet<string> | null = null;
  /** Names of the keys in the store to which the store has admitted it. */
  #granted: Set<string> | null = null;
  /** Whether it waits for the store. */
  isAsking = false;
  hasLeft = false;
  place = -1;
  #isUsedUp = false;

  constructor(transfer: LimitedTransfer, request: LimitedRequest) {
    this.transfer = transfer;
    this.request = request;
  }

  get states(): readonly KeyState[] {
    return this.#uses.map(({ state }) => state);
  }

  /** Whether it uses a key. */
  uses(state: KeyState): boolean {
    return this.#uses.some((use) => use.state === state);
  }

  /** Begins to use a key, unless the transfer already does. */
  join(state: KeyState, weight: number, isActive: boolean): void {
    if (this.uses(state)) return;
    const { transfer } = this;
    const shares: Share[] = [];
    for (const direction of ['down', 'up'] as const) {
      const share = state.bandwidth(direction, isActive)?.join(transfer.flow(direction), weight);
      if (share !== undefined) shares.push(share);
      if (state.bytes === null) continue;
      const quota = new QuotaShare(state, () => this.#usedUp(state));
      transfer.flow(direction).add(quota);
      shares.push(quota);
    }
    const use = new Use(state, shares, transfer);
    state.uses.add(use);
    this.#uses.push(use);
  }

  /** The keys that the store has not been asked about, of rules that apply at present. */
  newToStore(): KeyState[] {
    const now = Date.now();
    return this.states.filter(
      (state) =>
        (!this.#isGranted(state.sharedKey) || (state.rule.transfers !== null && !this.hasSlot(state))) &&
        state.rule.schedule.isActive(now),
    );
  }

  /** Whether the store has given it a slot of the key. */
  hasSlot({ sharedKey }: KeyState): boolean {
    return this.#isGranted(slotOf(sharedKey));
  }

  #isGranted(name: string): boolean {
    return this.#granted?.has(name) === true;
  }

  /** The store has admitted the transfer to these keys. */
  grant(states: readonly KeyState[]): void {
    this.#granted ??= new Set();
    for (const { sharedKey, rule } of states) {
      this.#granted.add(sharedKey);
      if (rule.transfers !== null) this.#granted.add(slotOf(sharedKey));
    }
  }

  /** Ends the use of keys, by default of all, and returns them. */
  leave(only: readonly KeyState[] = this.states): KeyState[] {
    const { transfer } = this;
    const uses = this.#uses.filter(({ state }) => only.includes(state));
    for (const use of uses) this.#uses.splice(this.#uses.indexOf(use), 1);
    const shares = new Set(uses.flatMap((use) => use.shares));
    if (shares.size > 0)
      for (const direction of ['down', 'up'] as const)
        transfer.flow(direction).remove((share) => shares.has(share));
    for (const use of uses) {
      const { state } = use;
      state.uses.delete(use);
      const { down, up } = use.bytes();
      state.endedDown += down;
      state.endedUp += up;
      state.totals.bytesDown += down;
      state.totals.bytesUp += up;
    }
    return uses.map(({ state }) => state);
  }

  abort(error: SluicewayError): void {
    this.transfer.abortWith(error);
  }

  bytesSince(state: KeyState): { down: number; up: number } {
    return this.#uses.find((use) => use.state === state)?.bytes() ?? { down: 0, up: 0 };
  }

  #usedUp(state: KeyState): void {
    if (this.#isUsedUp) return;
    this.#isUsedUp = true;
    state.totals.refused.bytes += 1;
    const refusal: Refusal = { state, kind: 'bytes', retryMs: (state.bytes?.end ?? 0) - Date.now() };
    // Not within the call of a source, nor within one of native code, after which no microtask runs.
    setImmediate(() => {
      if (!this.hasLeft) this.transfer.abortWith(toError(refusal, [state]));
    });
  }
}

const slotOf = (sharedKey: string): string => `${sharedKey}\ntransfers`;
