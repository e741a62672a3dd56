const IMF_FIXDATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** Parses a date in the preferred format (RFC 9110 section 5.6.7). Returns milliseconds since 1970, or null. */
export function parseHttpDate(value: string | undefined): number | null {
  if (value === undefined || !IMF_FIXDATE.test(value)) return null;
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? null : ms;
}
