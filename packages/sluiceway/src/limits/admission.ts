import type { SluicewayError } from '../errors.js';
import type { Flow, Share } from '../stream/flow.js';
import type { KeyState, Member, Refusal } from './key-state.js';
import type { LimitedRequest, LimitTarget } from './keys.js';
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
  /** The use of limits. Null: none. */
  admission: Admission | null;
}

/** The use of a key by a transfer. */
interface Use {
  state: KeyState;
  shares: Share[];
  /** Bytes of the transfer when the use began. */
  bytesDown: number;
  bytesUp: number;
}

/** The use of limits by one transfer. */
export class Admission implements Member {
  readonly transfer: LimitedTransfer;
  readonly request: LimitedRequest;
  /** Null until the target is selected. */
  target: LimitTarget | null = null;
  /** Whether the keys that are known before the target is selected have admitted the transfer. */
  isAdmitted = false;
  /** Whether the others have. */
  isTargetAdmitted = false;
  readonly #uses: Use[] = [];
  /** Names its slots in a store. Null: it has none. */
  slotId: string | null = null;

  constructor(transfer: LimitedTransfer, request: LimitedRequest) {
    this.transfer = transfer;
    this.request = request;
  }

  get states(): readonly KeyState[] {
    return this.#uses.map(({ state }) => state);
  }

  /** Begins to use a key, unless the transfer already does. */
  join(state: KeyState, weight: number, isActive: boolean): void {
    if (state.members.has(this)) return;
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
    state.members.add(this);
    this.#uses.push({ state, shares, bytesDown: transfer.bytesDown, bytesUp: transfer.bytesUp });
  }

  /** Ends the use of all keys, and returns them. */
  leave(): KeyState[] {
    const { transfer } = this;
    const uses = this.#uses.splice(0);
    const shares = new Set(uses.flatMap((use) => use.shares));
    if (shares.size > 0)
      for (const direction of ['down', 'up'] as const)
        transfer.flow(direction).remove((share) => shares.has(share));
    for (const { state, bytesDown, bytesUp } of uses) {
      state.members.delete(this);
      state.endedDown += transfer.bytesDown - bytesDown;
      state.endedUp += transfer.bytesUp - bytesUp;
    }
    return uses.map(({ state }) => state);
  }

  abort(error: SluicewayError): void {
    this.transfer.abortWith(error);
  }

  bytesSince(state: KeyState): { down: number; up: number } {
    const use = this.#uses.find((each) => each.state === state);
    if (use === undefined) return { down: 0, up: 0 };
    return { down: this.transfer.bytesDown - use.bytesDown, up: this.transfer.bytesUp - use.bytesUp };
  }

  #usedUp(state: KeyState): void {
    const refusal: Refusal = { state, kind: 'bytes', retryMs: (state.bytes?.end ?? 0) - Date.now() };
    // Not within the call of a source.
    queueMicrotask(() => this.transfer.abortWith(toError(refusal, [state])));
  }
}
