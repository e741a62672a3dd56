import type { Fault } from './fault.js';

/** Nothing goes wrong: whoever does not pass this is not set up right. */
export const controls: readonly Fault[] = [
  { name: 'that is whole', expected: 'harmless', draw: { framings: ['length', 'chunked', 'close'] } },
  {
    name: 'over TLS that is whole',
    expected: 'harmless',
    secure: true,
    draw: { framings: ['length', 'chunked', 'close'] },
  },
];
