export type EffortName = 'quick' | 'default' | 'thorough';

/** How much the doctor tries. Sizes in bytes, times in milliseconds. */
export interface Effort {
  name: EffortName;
  /** How long the chain is left in silence. */
  silenceMs: number;
  /** How long transfers last that move all the time. */
  steadyMs: number;
  downloadBytes: number;
  uploadBytes: number;
  /** Ends a download or upload that takes longer, without a finding. */
  transferMs: number;
  /** How long the doctor waits for what a chain without buffers passes on at once. */
  patienceMs: number;
}

const MiB = 1024 * 1024;

/** More than 10 MiB (Next.js). */
const QUICK_BYTES = 11 * MiB;

export const efforts: Readonly<Record<EffortName, Effort>> = {
  quick: {
    name: 'quick',
    silenceMs: 5000,
    steadyMs: 5000,
    downloadBytes: QUICK_BYTES,
    uploadBytes: QUICK_BYTES,
    transferMs: 10_000,
    patienceMs: 1500,
  },
  default: {
    name: 'default',
    // More than the usual 30 s and 60 s.
    silenceMs: 65_000,
    steadyMs: 65_000,
    // More than the 100 MiB of Cloudflare.
    downloadBytes: 128 * MiB,
    uploadBytes: 128 * MiB,
    transferMs: 40_000,
    patienceMs: 3000,
  },
  thorough: {
    name: 'thorough',
    // More than 300 s.
    silenceMs: 310_000,
    steadyMs: 310_000,
    downloadBytes: 1088 * MiB,
    uploadBytes: 1088 * MiB,
    transferMs: 15 * 60_000,
    patienceMs: 3000,
  },
};
