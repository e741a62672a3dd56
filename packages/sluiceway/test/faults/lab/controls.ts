import type { Fault } from './fault.js';

export const CONTROLS = 'Nothing breaks';

/** No fault. A subject that fails here is misconfigured. */
export const controls: readonly Fault[] = [
  { name: 'that is whole', expected: 'harmless', draw: { framings: ['length', 'chunked', 'close'] } },
  {
    name: 'over TLS that is whole',
    expected: 'harmless',
    line: 'secure',
    draw: { framings: ['length', 'chunked', 'close'] },
  },
];
