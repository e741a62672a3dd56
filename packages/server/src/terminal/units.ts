const UNITS = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** Formats bytes for people, with three or four digits: `512 B`, `1.50 GiB`. */
export function describeBytes(bytes: number): string {
  if (bytes < 1024) return `${Math.round(bytes)} B`;
  let value = bytes;
  let unit = '';
  for (const next of UNITS) {
    value /= 1024;
    unit = next;
    if (value < 1023.5) break;
  }
  return `${value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0)} ${unit}`;
}

/** Formats bytes per second for people. */
export const describeRate = (rate: number): string => `${describeBytes(rate)}/s`;

/** Formats a time for people, as `0:42`, `12:03`, `1:02:03` or `3d 04h`. */
export function describeTime(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const [minutes, hours, days] = [
    Math.floor(seconds / 60),
    Math.floor(seconds / 3600),
    Math.floor(seconds / 86400),
  ];
  const two = (value: number): string => String(value).padStart(2, '0');
  if (days > 0) return `${days}d ${two(hours % 24)}h`;
  if (hours > 0) return `${hours}:${two(minutes % 60)}:${two(seconds % 60)}`;
  return `${minutes}:${two(seconds % 60)}`;
}
