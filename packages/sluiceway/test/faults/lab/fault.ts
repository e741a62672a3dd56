import type { Draw } from './draw.js';
import type { Verdict } from './verdict.js';

/**
 * What has to come of a fault. `healed`: the client gets the whole file where downloads are resumed, and sees a
 * failure where they are not. `visible`: it sees a failure. `harmless`: it gets the whole file. `racing`: it gets
 * the whole file, or else sees a failure where nothing is resumed. `unnoticed`: it may get less and not see it, since
 * nothing tells. `verified`: as `visible`, to clients of whoever verifies digests.
 */
export type Expected = 'healed' | 'visible' | 'harmless' | 'racing' | 'unnoticed' | 'verified';

/** What there is before the proxies: an origin server, one that speaks TLS, or one that has two mirrors. */
export type LineName = 'plain' | 'secure' | 'mirrored';

/** One row of the table: what goes wrong, and what must come of it. */
export interface Fault {
  /** Goes on with the sentence that its section begins. */
  name: string;
  expected: Expected;
  draw: Draw;
  /** Default: an origin server without TLS, and no mirror of it. */
  line?: LineName;
  /** It takes seconds, by its nature: left out where hundreds of downloads have to be quick. */
  slow?: true;
}

/** Faults of one kind. */
export interface Section {
  heading: string;
  /** `a response`: the name of a fault goes on from there. */
  begins: string;
  /** Where it is said what must come of them, as the titles of tests name it. */
  sources: string;
  faults: readonly Fault[];
}

/** What may come of a fault, with resume and without. */
export function allowed(fault: Fault, resume: boolean): readonly Verdict[] {
  switch (fault.expected) {
    case 'harmless':
      return ['whole'];
    case 'visible':
    case 'verified':
      return ['broken'];
    case 'healed':
      return resume ? ['whole'] : ['broken'];
    case 'racing':
      return resume ? ['whole'] : ['whole', 'broken'];
    case 'unnoticed':
      return ['whole', 'SHORT'];
  }
}

/** The same in words, for titles. */
export function comesOf(fault: Fault): string {
  switch (fault.expected) {
    case 'harmless':
      return 'the client gets the whole of it';
    case 'visible':
    case 'verified':
      return 'the client sees that it is not whole';
    case 'healed':
    case 'racing':
      return 'the client gets the whole of it, and without resume sees where it does not';
    case 'unnoticed':
      return 'nothing tells the client that it is not whole';
  }
}
