import type { LimitTimeValues } from './rule-options.js';

const MINUTE_MS = 60_000;
const DAY_MINUTES = 24 * 60;
const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

interface Span {
  from: number;
  to: number;
  days: readonly string[] | null;
  format: Intl.DateTimeFormat;
}

/** The times of day at which a rule applies. Looks at the clock once per minute at most. */
export class Schedule {
  readonly #spans: readonly Span[];
  #minute = -1;
  #isActive = false;

  /** Without times, the rule always applies. */
  constructor(times: readonly LimitTimeValues[]) {
    this.#spans = times.map(({ from, to, days, timeZone }) => ({
      from: toMinutes(from),
      to: toMinutes(to),
      days: days ?? null,
      format: new Intl.DateTimeFormat('en-GB', {
        timeZone,
        weekday: 'short',
        hour: '2-digit',
        minute: '2-digit',
        hourCycle: 'h23',
      }),
    }));
  }

  get isConstant(): boolean {
    return this.#spans.length === 0;
  }

  /** `now` in milliseconds since 1970. */
  isActive(now: number): boolean {
    if (this.isConstant) return true;
    const minute = Math.floor(now / MINUTE_MS);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#isActive = this.#spans.some((span) => includes(span, now));
    }
    return this.#isActive;
  }
}

function includes({ from, to, days, format }: Span, now: number): boolean {
  const parts = new Map(format.formatToParts(now).map(({ type, value }) => [type, value]));
  const minutes = Number(parts.get('hour')) * 60 + Number(parts.get('minute'));
  const day = DAYS.indexOf((parts.get('weekday') ?? '').toLowerCase());
  const isOn = (index: number): boolean => days === null || days.includes(DAYS[(index + 7) % 7] ?? '');
  if (from < to) return minutes >= from && minutes < to && isOn(day);
  // Over midnight: the evening of one day, or the morning after it.
  return (minutes >= from && isOn(day)) || (minutes < to && isOn(day - 1));
}

function toMinutes(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return Math.min(DAY_MINUTES, hours * 60 + minutes);
}
