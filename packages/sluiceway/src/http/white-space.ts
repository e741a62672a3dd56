/** Trims spaces and tabs from `text` or a part of it. `trim` would also remove 0xA0, which is part of a value. */
export function trimWhiteSpace(text: string, from = 0, to: number = text.length): string {
  let start = from;
  let end = to;
  while (start < end && isWhiteSpace(text.charCodeAt(start))) start += 1;
  while (end > start && isWhiteSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

const isWhiteSpace = (code: number): boolean => code === 0x20 || code === 0x09;
