/** Formats a time for a terminal, as `0:42`, `12:03`, `1:02:03` or `3d 04h`. */
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
