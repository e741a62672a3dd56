import { readdirSync, readFileSync } from 'node:fs';

const UNITS: Record<string, number> = { K: 1024, M: 1024 * 1024, G: 1024 * 1024 * 1024 };

/** Parses a cache size as Linux writes it in sysfs (`2048K`) into bytes. Null for anything else. */
export function parseCacheSize(text: string): number | null {
  const [, digits, unit] = /^(\d{1,9})([KMG]?)\s*$/.exec(text) ?? [];
  if (digits === undefined || unit === undefined) return null;
  const bytes = Number(digits) * (UNITS[unit] ?? 1);
  return bytes > 0 ? bytes : null;
}

/**
 * The size of the first processor's second-level cache in bytes. Null if the system does not provide it: on systems other
 * than Linux, on some virtual machines, and if sysfs is hidden.
 */
export function readSecondLevelCacheBytes(directory = '/sys/devices/system/cpu/cpu0/cache'): number | null {
  try {
    for (const name of readdirSync(directory)) {
      if (!name.startsWith('index')) continue;
      const read = (file: string): string => readFileSync(`${directory}/${name}/${file}`, 'latin1');
      if (read('level').trim() === '2') return parseCacheSize(read('size'));
    }
  } catch {
    // The size is only a hint.
  }
  return null;
}
