import type { TransferData, Waiting } from './contract.js';
import { formatBytes, formatDuration, formatOutcome, formatPercent, formatRate } from './format.js';
import { VISIBLE_WAIT_MS } from './select.js';
import { advance, isUpload, progressOf, type TransferItem } from './store.js';

const WAITS: Readonly<Record<Waiting, string>> = {
  client: 'Waits for client',
  upstream: 'Waits for server',
  limit: 'Held by a limit',
  access: 'Checks access',
};

type Tone = 'calm' | 'waiting' | 'good' | 'bad' | 'left';

export interface State {
  /** How long it takes, whom it waits for, or how it ended. */
  text: string;
  /** Since when. */
  since: string;
  tone: Tone;
}

/** What a transfer does right now, or how it ended. */
export function stateOf(item: TransferItem, now: number): State {
  const { end } = item;
  const { waitingFor, waitingMs, durationMs, etaMs } = advance(item, now);
  const ran = formatDuration(durationMs);
  if (end !== null)
    return { text: formatOutcome(end.outcome), since: `after ${ran}`, tone: toneOf(end.outcome) };
  if (waitingFor !== null && waitingMs >= VISIBLE_WAIT_MS && waitingFor !== 'limit')
    return { text: WAITS[waitingFor], since: `for ${formatDuration(waitingMs)}`, tone: 'waiting' };
  return { text: etaMs === null ? '–' : formatDuration(etaMs), since: `running ${ran}`, tone: 'calm' };
}

const toneOf = (outcome: string): Tone =>
  outcome === 'completed' || outcome === 'answered' ? 'good' : outcome === 'client_aborted' ? 'left' : 'bad';

export function rateText({ data, end }: TransferItem): string {
  if (end !== null) return '–';
  const { rate } = progressOf(data);
  return `${isUpload(data) ? '↑ ' : ''}${formatRate(rate)}`;
}

/** `1.20 of 5.00 GiB`, `700 MiB of 5.00 GiB`. */
export function bytesText(data: TransferData): string {
  const { bytes, total } = progressOf(data);
  const done = formatBytes(bytes);
  if (total === null) return done;
  const all = formatBytes(total);
  const [number = '', unit] = done.split(' ');
  return `${all.endsWith(` ${unit}`) ? number : done} of ${all}`;
}

export function percentText(data: TransferData): string {
  const { bytes, total } = progressOf(data);
  return total === null ? '' : formatPercent(total === 0 ? 1 : bytes / total);
}

/** Scheme and default port say little in a narrow column. */
export const serverText = (upstream: string | null): string =>
  upstream === null ? '–' : upstream.replace(/^https?:\/\//, '');
