import type { Share } from '../stream/flow.js';
import type { KeyState } from './key-state.js';

/** The bytes of a period, as a limit of a flow that nothing refills before the period ends. */
export class QuotaShare implements Share {
  readonly minPiece = 1;
  readonly #state: KeyState;
  readonly #onUsedUp: () => void;

  constructor(state: KeyState, onUsedUp: () => void) {
    this.#state = state;
    this.#onUsedUp = onUsedUp;
  }

  available(): number {
    const { bytes, rule } = this.#state;
    const now = Date.now();
    if (bytes === null || rule.bytes === null || !rule.schedule.isActive(now))
      return Number.POSITIVE_INFINITY;
    bytes.advance(now);
    return Math.max(0, rule.bytes.count - bytes.used);
  }

  spend(bytes: number): void {
    const count = this.#state.bytes;
    if (count !== null) count.used += bytes;
  }

  wait(isShort: boolean): void {
    if (isShort) this.#onUsedUp();
  }

  distribute(): void {}

  leave(): void {}
}
