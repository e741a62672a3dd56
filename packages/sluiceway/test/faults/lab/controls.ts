import type { Fault } from './fault.js';

export const CONTROLS = 'Nothing breaks';

/** Nothing goes wrong: whoever does not pass this is not set up right. */
export const controls: readonly Fault[] = [
  { name: 'that is whole', expected: 'harmless', draw: { framings: ['length', 'chunked', 'close'] } },
  {
    name: 'over TLS that is whole',
    expected: 'harmless',
    line: 'secure',
    draw: { framings: ['length', 'chunked', 'close'] },
  },
];
