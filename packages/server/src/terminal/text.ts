import stringWidth from 'string-width';

/**
 * Characters that can change what a terminal shows elsewhere: control characters with the escape character (CWE-150),
 * and characters that reverse, hide or join text.
 */
const UNSAFE =
  /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu;

/** Returns text that a terminal shows on one line as it is. Replaces unsafe characters by visible escapes (`\x1b`). */
export const toVisible = (text: string): string =>
  text.replace(UNSAFE, (char) => {
    const code = char.codePointAt(0) ?? 0;
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });

const segmenter = new Intl.Segmenter();

/** The number of terminal columns that text without escape sequences takes. */
export const widthOf = (text: string): number => stringWidth(text);

/** Cuts text to at most `columns` columns. Text that is cut ends with `…`. */
export function cutTo(text: string, columns: number): string {
  if (columns <= 0) return '';
  if (widthOf(text) <= columns) return text;
  let kept = '';
  let used = 0;
  for (const { segment } of segmenter.segment(text)) {
    const width = widthOf(segment);
    if (used + width > columns - 1) break;
    kept += segment;
    used += width;
  }
  return `${kept}…`;
}

/** Like `cutTo`, but cuts the start. */
export function cutStart(text: string, columns: number): string {
  if (columns <= 0) return '';
  if (widthOf(text) <= columns) return text;
  let kept = '';
  let used = 0;
  for (const { segment } of Array.from(segmenter.segment(text)).toReversed()) {
    used += widthOf(segment);
    if (used > columns - 1) break;
    kept = segment + kept;
  }
  return `…${kept}`;
}

/** Cuts text in the middle, so that its start and its end stay: a file name keeps its extension. */
export function cutMiddle(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  const start = Math.ceil((columns - 1) / 2);
  return cutTo(text, start + 1) + cutStart(text, columns - start).slice(1);
}

/** Cuts or pads text to exactly `columns` columns. */
export function fit(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const cut = cutTo(text, columns);
  const padding = ' '.repeat(Math.max(0, columns - widthOf(cut)));
  return align === 'left' ? cut + padding : padding + cut;
}
