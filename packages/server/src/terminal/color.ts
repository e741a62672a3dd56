/** Whether output to a stream has colour: only on a terminal, and without NO_COLOR (https://no-color.org). */
export const hasColor = (
  stream: { readonly isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>> = process.env,
): boolean =>
  stream.isTTY === true && (environment['NO_COLOR'] ?? '') === '' && environment['TERM'] !== 'dumb';

const CODES = { bold: 1, dim: 2, inverse: 7, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Style = keyof typeof CODES;

/** Styles text. */
export type Paint = (text: string, ...styles: readonly Style[]) => string;

/** Returns what styles text on a terminal, or leaves it as it is. */
export const painter =
  (isColored: boolean): Paint =>
  (text, ...styles) =>
    isColored && styles.length > 0
      ? `\x1b[${styles.map((style) => CODES[style]).join(';')}m${text}\x1b[0m`
      : text;
