/** What the echo origin sees of one request, and of the response that it gives. Part of the answer to `report`. */
export interface Observation {
  method: string;
  target: string;
  httpVersion: string;
  /** Field lines as received. */
  fields: [name: string, value: string][];
  content: {
    bytes: number;
    /** Whether the content has ended as its framing says. */
    isComplete: boolean;
    /** Whether all bytes are those that the doctor sends. */
    isIntact: boolean;
    trailers: [name: string, value: string][];
  };
  response: {
    /** Bytes of content that the kernel has accepted. */
    bytes: number;
    /** Whether all of it is written. */
    isFinished: boolean;
    /** The longest time in milliseconds for which the connection has accepted nothing. */
    longestStallMs: number;
  };
  /** Whether the connection was closed before the response was finished. */
  isCut: boolean;
}

/** What the origin knows of the requests of one probe. */
export interface Report {
  id: string;
  requests: Observation[];
}

/** A chain that sends more requests for one probe repeats them. The first ones are enough. */
const MAX_REQUESTS = 64;
const MAX_IDS = 2000;

/** Keeps observations by probe, those of the latest probes only. */
export class Observations {
  readonly #byId = new Map<string, ProbeState>();

  /** The state of a probe, which begins here if it is new. */
  probe(id: string): ProbeState {
    let probe = this.#byId.get(id);
    if (probe !== undefined) return probe;
    probe = new ProbeState();
    this.#byId.set(id, probe);
    for (const [oldest, { release }] of this.#byId) {
      if (this.#byId.size <= MAX_IDS) break;
      release();
      this.#byId.delete(oldest);
    }
    return probe;
  }

  report(id: string): Report {
    return { id, requests: this.#byId.get(id)?.requests ?? [] };
  }
}

export class ProbeState {
  readonly requests: Observation[] = [];
  /** Resolves when the doctor lets a held response go on. */
  readonly released: Promise<void>;
  readonly release: () => void;

  constructor() {
    let release: () => void = () => {};
    this.released = new Promise((resolve) => {
      release = resolve;
    });
    this.release = release;
  }

  add(observation: Observation): void {
    if (this.requests.length < MAX_REQUESTS) this.requests.push(observation);
  }
}
