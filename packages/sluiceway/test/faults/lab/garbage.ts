import { cut, inChunkHead } from './draw.js';
import type { Fault } from './fault.js';
import { frame } from './reply.js';

/** Bytes that are not part of a response. */
export const garbage: readonly Fault[] = [
  {
    name: 'with garbage after its head, in place of chunks',
    expected: 'visible',
    draw: { framings: ['chunked'], first: cut(() => 0, 'garbage') },
  },
  {
    name: 'with garbage in place of a later chunk',
    expected: 'visible',
    draw: { framings: ['chunked'], first: cut(inChunkHead, 'garbage') },
  },
  {
    name: 'with garbage after its end',
    expected: 'harmless',
    draw: { framings: ['length'], first: cut((reply) => frame(reply).bytes.length, 'garbage') },
  },
];
