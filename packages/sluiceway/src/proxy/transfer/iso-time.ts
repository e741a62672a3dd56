const SECOND_MS = 1000;

/** The last second that was formatted, and its text up to the fraction. */
let second = Number.NaN;
let text = '';

/**
 * Like `Date.prototype.toISOString`, which takes more than a microsecond. Records of one second differ in the fraction
 * only.
 */
export function toIsoTime(ms: number): string {
  const fraction = ms % SECOND_MS;
  if (ms - fraction !== second) {
    second = ms - fraction;
    text = new Date(second).toISOString().slice(0, -4);
  }
  return `${text}${String(fraction).padStart(3, '0')}Z`;
}
