import { anywhere, cut } from './draw.js';
import type { Fault } from './fault.js';

/** Content with neither length nor chunks, which ends with its connection. */
export const endless: readonly Fault[] = [
  {
    name: 'ended by RST anywhere',
    expected: 'healed',
    draw: { framings: ['close'], first: cut(anywhere, 'reset') },
  },
  {
    name: 'ended by FIN anywhere',
    expected: 'unnoticed',
    draw: { framings: ['close'], first: cut(anywhere, 'fin') },
  },
  {
    name: 'ended over TLS without close_notify anywhere',
    expected: 'unnoticed',
    line: 'secure',
    draw: { framings: ['close'], first: cut(anywhere, 'unannounced') },
  },
];
