const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `1.25 GiB`: three significant digits, in the units of the configuration. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${threeDigits(value, unit === 0)} ${BYTE_UNITS[unit] ?? ''}`;
}

export const formatRate = (bytesPerSecond: number): string => `${formatBytes(bytesPerSecond)}/s`;

function threeDigits(value: number, isWhole: boolean): string {
  if (isWhole || value >= 100) return String(Math.round(value));
  return value.toFixed(value >= 10 ? 1 : 2);
}

/** `9 s`, `1 min 20 s`, `3 h 5 min`, `2 d 4 h`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return pair(minutes, 'min', seconds % 60, 's');
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return pair(hours, 'h', minutes % 60, 'min');
  return pair(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

const pair = (large: number, largeUnit: string, small: number, smallUnit: string): string =>
  small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;

/** `12 s ago`. */
export const formatAgo = (time: string, now: number): string => {
  const ms = now - Date.parse(time);
  return ms < 1500 ? 'just now' : `${formatDuration(ms)} ago`;
};

/** `1,234`. */
export const formatCount = (count: number): string => count.toLocaleString('en');

/** `1 server`, `2 servers`. */
export const countOf = (count: number, noun: string): string =>
  `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;

/** `37 %`. Never 100 % before the end. */
export function formatPercent(fraction: number): string {
  return `${fraction >= 1 ? 100 : Math.min(99, Math.floor(fraction * 100))} %`;
}

/** The last segment of a path, decoded: the name by which a user knows the file. */
export function fileNameOf(path: string): string {
  const [plain = ''] = path.split('?', 1);
  const segment =
    plain
      .split('/')
      .filter((each) => each !== '')
      .at(-1) ?? '';
  if (segment === '') return plain === '' ? path : '/';
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** An outcome in words. */
export function formatOutcome(outcome: string): string {
  return OUTCOMES[outcome] ?? outcome.replaceAll('_', ' ');
}

const OUTCOMES: Readonly<Record<string, string>> = {
  completed: 'Completed',
  answered: 'Answered',
  rejected: 'Rejected',
  client_aborted: 'Client left',
  client_stalled: 'Client stalled',
  upstream_refused: 'Server refused',
  upstream_timeout: 'Server timed out',
  upstream_truncated: 'Server broke off',
  upstream_stalled: 'Server stalled',
  upstream_invalid: 'Invalid response',
  blocked: 'Blocked',
  limited: 'Limit reached',
  shutdown: 'Proxy stopped',
  aborted: 'Aborted',
  internal: 'Internal error',
};

export type OutcomeKind = 'good' | 'left' | 'bad';

/** Neither side is at fault when a client leaves. */
export function kindOfOutcome(outcome: string): OutcomeKind {
  if (outcome === 'completed' || outcome === 'answered') return 'good';
  return outcome === 'client_aborted' ? 'left' : 'bad';
}
