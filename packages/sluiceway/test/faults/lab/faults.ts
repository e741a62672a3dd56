import { changedFiles } from './changed-files.js';
import { CONTROLS, controls } from './controls.js';
import { cuts } from './cuts.js';
import { digests } from './digests.js';
import { endless } from './endless.js';
import { falseContinuations } from './false-continuations.js';
import type { Section } from './fault.js';
import { garbage } from './garbage.js';
import { mirrors } from './mirrors.js';
import { requests } from './requests.js';

/** Every fault of the laboratory, in the order of the table. */
export const sections: readonly Section[] = [
  {
    heading: CONTROLS,
    begins: 'a response',
    sources: 'RFC 9112 6.3',
    faults: controls,
  },
  {
    heading: 'The response breaks off, and can be resumed',
    begins: 'a response',
    sources: 'RFC 9112 8; RFC 9110 14.2',
    faults: cuts,
  },
  {
    heading: 'The response breaks off, and the next response is not the rest',
    begins: 'a response that is cut and followed by',
    sources: 'RFC 9110 15.3.7; undici',
    faults: falseContinuations,
  },
  {
    heading: 'The response breaks off, and nothing proves that the rest is from the same file',
    begins: 'a response that is cut, with',
    sources: 'RFC 9110 8.8.1; undici',
    faults: changedFiles,
  },
  {
    heading: 'The response breaks off, and there are two mirrors',
    begins: 'a response from a server with mirrors',
    sources: 'Sluiceway',
    faults: mirrors,
  },
  {
    heading: 'The response has a digest',
    begins: 'a response with a digest of the file,',
    sources: 'RFC 9530 2; RFC 9530 3',
    faults: digests,
  },
  {
    heading: 'The request is for a range, or is not a plain GET',
    begins: 'a response',
    sources: 'RFC 9110 14; undici',
    faults: requests,
  },
  {
    heading: 'The response is not valid HTTP',
    begins: 'a response',
    sources: 'RFC 9112 7.1',
    faults: garbage,
  },
  {
    heading: 'The response has neither a length nor chunks',
    begins: 'a response with neither length nor chunks,',
    sources: 'RFC 9112 8',
    faults: endless,
  },
];
