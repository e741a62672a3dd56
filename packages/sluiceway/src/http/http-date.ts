const IMF_FIXDATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** Milliseconds since 1970; null for what is no date in the form that is generated (RFC 9110 section 5.6.7). */
export function parseHttpDate(value: string | undefined): number | null {
  if (value === undefined || !IMF_FIXDATE.test(value)) return null;
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? null : ms;
}
