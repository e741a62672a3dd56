import { cut, type Draw, inTheMiddle } from './draw.js';
import type { Fault } from './fault.js';
import { answerHonestly, type LabFile } from './reply.js';

/** The first response is cut. The rest is of another version, which the validators do not distinguish. */
function replaced(name: string, file: Partial<LabFile>): Fault {
  return {
    name,
    expected: 'visible',
    draw: { file, first: cut(inTheMiddle, 'fin'), later: asReplaced },
  };
}

/** Another version of the file, with the same weak validators, or none. */
const asReplaced: NonNullable<Draw['later']> = (_honest, { file, request }) =>
  answerHonestly({ ...file, isReplaced: true }, request);

/** Files whose change between two requests cannot be detected. */
export const changedFiles: readonly Fault[] = [
  replaced('a weak ETag, and the file was replaced meanwhile', { etag: 'W/"version-1"' }),
  replaced('no validator, and the file was replaced meanwhile', { etag: null }),
  replaced('a Last-Modified as recent as Date, and the file was replaced meanwhile', {
    etag: null,
    lastModified: 'Thu, 01 Oct 2026 12:00:00 GMT',
  }),
  replaced('an entity tag without its quotes, and the file was replaced meanwhile', { etag: 'version-1' }),
];
