/**
 * Splits a field value at a separator outside quoted strings (RFC 9110 section 5.6.4) and, with `withComments`, outside
 * nested comments (section 5.6.5). Members are neither trimmed nor unquoted. If a quoted string or a comment is not
 * terminated, every separator splits, so that it cannot hide the members after it.
 */
export function splitMembers(value: string, separator: ',' | ';', withComments = false): string[] {
  if (!value.includes('"') && !(withComments && value.includes('('))) return value.split(separator);
  const members: string[] = [];
  let start = 0;
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < value.length; i++) {
    const char = value.charAt(i);
    if (char === '\\' && (quoted || depth > 0)) i++;
    else if (char === '"' && depth === 0) quoted = !quoted;
    else if (quoted) continue;
    else if (char === '(' && withComments) depth++;
    else if (char === ')' && depth > 0) depth--;
    else if (char === separator && depth === 0) {
      members.push(value.slice(start, i));
      start = i + 1;
    }
  }
  if (quoted || depth > 0) return value.split(separator);
  members.push(value.slice(start));
  return members;
}
