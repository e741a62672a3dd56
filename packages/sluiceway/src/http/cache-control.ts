import type { ReadonlyFields } from './fields.js';

const QUOTED = /"(?:[^"\\]|\\.)*"?/g;

/** Reports whether a message has a directive of Cache-Control, in any letter case (RFC 9111 section 5.2). */
export function hasCacheDirective(fields: ReadonlyFields, directive: string): boolean {
  return fields.getAll('cache-control').some((value) =>
    value
      // `private="a, no-transform"` contains field names, not directives.
      .replaceAll(QUOTED, '')
      .split(',')
      .some((member) => member.split('=', 1)[0]?.trim().toLowerCase() === directive),
  );
}
