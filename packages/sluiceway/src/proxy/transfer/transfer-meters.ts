import type { Flow } from '../../stream/flow.js';
import type { Meter } from '../../stream/metered-source.js';
import type { TransferTimeouts } from '../../stream/timeouts.js';

/** The members of a transfer that meters update. */
export interface Metered {
  readonly timeouts: TransferTimeouts;
  readonly allowsZeroCopy: boolean;
  /** Set as soon as bytes have been moved by the operating system. */
  zeroCopy: boolean;
  bytesUp: number;
  bytesDown: number;
  /** Limits of the rate of each direction. Null if there are none. */
  readonly flowUp: Flow | null;
  readonly flowDown: Flow | null;
}

/** Counts request content on its way up. */
export class UploadMeter implements Meter {
  readonly #transfer: Metered;

  constructor(transfer: Metered) {
    this.#transfer = transfer;
  }

  started(): void {
    this.#transfer.timeouts.requestWaitsFor('client');
  }

  lent(bytes: number): void {
    this.#transfer.bytesUp += bytes;
    this.#transfer.timeouts.progress(bytes);
    this.#transfer.timeouts.requestWaitsFor('upstream');
  }

  allReturned(): void {
    this.#transfer.timeouts.requestWaitsFor('client');
  }

  /** The last bytes may still wait for the origin server until the request is sent. */
  over(): void {
    this.#transfer.timeouts.requestWaitsFor('upstream');
  }

  get allowsSplice(): boolean {
    return this.#transfer.allowsZeroCopy;
  }

  moved(bytes: number): void {
    countMoved(this.#transfer, 'bytesUp', bytes);
    this.#transfer.timeouts.requestWaitsFor('upstream');
  }

  get flow(): Flow | null {
    return this.#transfer.flowUp;
  }

  heldBack(): void {
    this.#transfer.timeouts.requestWaitsFor('limit');
  }
}

/** Counts response content on its way down. */
export class DownloadMeter implements Meter {
  readonly #transfer: Metered;

  constructor(transfer: Metered) {
    this.#transfer = transfer;
  }

  started(): void {
    this.#transfer.timeouts.responseWaitsFor('upstream');
  }

  lent(bytes: number): void {
    this.#transfer.bytesDown += bytes;
    this.#transfer.timeouts.progress(bytes);
    this.#transfer.timeouts.responseWaitsFor('client');
  }

  allReturned(): void {
    this.#transfer.timeouts.responseWaitsFor('upstream');
  }

  /** The last bytes may still wait for the client. */
  over(): void {
    this.#transfer.timeouts.responseWaitsFor('client');
  }

  get allowsSplice(): boolean {
    return this.#transfer.allowsZeroCopy;
  }

  moved(bytes: number): void {
    countMoved(this.#transfer, 'bytesDown', bytes);
    this.#transfer.timeouts.responseWaitsFor('client');
  }

  get flow(): Flow | null {
    return this.#transfer.flowDown;
  }

  heldBack(): void {
    this.#transfer.timeouts.responseWaitsFor('limit');
  }
}

/** Counts one direction of a tunnel. Either side may be silent, so only the tunnel's own idle timeout runs. */
export class TunnelMeter implements Meter {
  readonly #transfer: Metered;
  readonly #direction: 'bytesUp' | 'bytesDown';

  constructor(transfer: Metered, direction: 'bytesUp' | 'bytesDown') {
    this.#transfer = transfer;
    this.#direction = direction;
  }

  started(): void {
    this.#transfer.timeouts.tunnelProgress();
  }

  lent(bytes: number): void {
    this.#transfer[this.#direction] += bytes;
    this.#transfer.timeouts.tunnelProgress();
  }

  allReturned(): void {
    this.#transfer.timeouts.tunnelProgress();
  }

  over(): void {}

  get allowsSplice(): boolean {
    return this.#transfer.allowsZeroCopy;
  }

  moved(bytes: number): void {
    countMoved(this.#transfer, this.#direction, bytes);
    this.#transfer.timeouts.tunnelProgress();
  }

  get flow(): Flow | null {
    return this.#direction === 'bytesUp' ? this.#transfer.flowUp : this.#transfer.flowDown;
  }
}

function countMoved(transfer: Metered, direction: 'bytesUp' | 'bytesDown', bytes: number): void {
  if (bytes === 0) return;
  transfer.zeroCopy = true;
  transfer[direction] += bytes;
  transfer.timeouts.moved(bytes);
}
