/** A file that the demonstration downloads by itself. */
interface LibraryFile {
  name: string;
  size: number;
  /** Bytes per second: slow enough to watch. */
  rate: number;
  /** Without them, a download that breaks off cannot be continued, and fails. */
  hasValidators: boolean;
}

const MiB = 2 ** 20;

const file = (name: string, size: number, rate: number, hasValidators = true): LibraryFile => ({
  name,
  size: size * MiB,
  rate: rate * MiB,
  hasValidators,
});

export const libraryFiles: readonly LibraryFile[] = [
  file('ubuntu-26.04-desktop-amd64.iso', 420, 5.5),
  file('summer-2026.mp4', 180, 3.2),
  file('genome-reference-hg38.fa.gz', 240, 4.1),
  file('backup-2026-11-30.tar.zst', 310, 6.4),
  file('street-map-europe.osm.pbf', 130, 2.3),
  file('model-weights-7b.safetensors', 380, 7.5),
  file('annual-report.pdf', 24, 0.9),
  file('concert-recording.flac', 95, 1.8),
  file('camera-7-live.ts', 160, 2.6, false),
];

/** What clients of the demonstration upload. */
export const uploads: readonly Pick<LibraryFile, 'name' | 'size' | 'rate'>[] = [
  { name: 'raw-footage-014.mov', size: 140 * MiB, rate: 3.1 * MiB },
  { name: 'telescope-night-2.fits', size: 70 * MiB, rate: 1.4 * MiB },
];
