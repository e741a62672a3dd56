import type { Draw } from './draw.js';
import type { Verdict } from './verdict.js';

/**
 * The required result of a fault. `healed`: the client gets the whole file if downloads are resumed, and detects a
 * failure otherwise. `visible`: it detects a failure. `harmless`: it gets the whole file. `racing`: it gets the whole
 * file, or without resuming may detect a failure instead. `unnoticed`: it may get less without detecting it, because
 * nothing shows it. `verified`: as `visible`, for proxies that verify digests.
 */
export type Expected = 'healed' | 'visible' | 'harmless' | 'racing' | 'unnoticed' | 'verified';

/** The upstream of the proxies: an origin server, one with TLS, or one with two mirrors. */
export type LineName = 'plain' | 'secure' | 'mirrored';

/** One row of the table: a fault and its required result. */
export interface Fault {
  /** Continues the sentence that `begins` of its section starts. */
  name: string;
  expected: Expected;
  draw: Draw;
  /** Default: an origin server without TLS and without mirrors. */
  line?: LineName;
  /** It takes seconds. Runs of hundreds of downloads skip it. */
  slow?: true;
}

/** Faults of one kind. */
export interface Section {
  heading: string;
  /** The start of each test title, such as `a response`. The name of the fault follows. */
  begins: string;
  /** The sources of the required results, as test titles name them. */
  sources: string;
  faults: readonly Fault[];
}

/** The permitted verdicts of a fault, with and without resuming. */
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

/** The required result in words, for test titles. */
export function comesOf(fault: Fault): string {
  switch (fault.expected) {
    case 'harmless':
      return 'the client gets the whole file';
    case 'visible':
    case 'verified':
      return 'the client detects that it is incomplete';
    case 'healed':
    case 'racing':
      return 'the client gets the whole file, or without resuming detects a failure';
    case 'unnoticed':
      return 'the client may get less without detecting it';
  }
}
