import { readdirSync, readFileSync } from 'node:fs';

const UNITS: Record<string, number> = { K: 1024, M: 1024 * 1024, G: 1024 * 1024 * 1024 };

/** The size of a cache as Linux writes it in sysfs, `2048K`, in bytes. Null for anything else. */
export function parseCacheSize(text: string): number | null {
  const [, digits, unit] = /^(\d{1,9})([KMG]?)\s*$/.exec(text) ?? [];
  if (digits === undefined || unit === undefined) return null;
  const bytes = Number(digits) * (UNITS[unit] ?? 1);
  return bytes > 0 ? bytes : null;
}

/**
 * The size of the second-level cache of the first processor, in bytes. Null where the system does not tell it: on systems
 * other than Linux, on some virtual machines, and where sysfs is hidden.
 */
export function readSecondLevelCacheBytes(directory = '/sys/devices/system/cpu/cpu0/cache'): number | null {
  try {
    for (const name of readdirSync(directory)) {
      if (!name.startsWith('index')) continue;
      const read = (file: string): string => readFileSync(`${directory}/${name}/${file}`, 'latin1');
      if (read('level').trim() === '2') return parseCacheSize(read('size'));
    }
  } catch {
    // It is only a hint.
  }
  return null;
}
