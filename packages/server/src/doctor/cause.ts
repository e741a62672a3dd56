import type { Effort } from './effort.js';
import type { Detection } from './finding.js';

/** Times of two runs differ by a poll of the doctor and by what the machine does beside. */
const SLACK_MS = 1000;
/** The hops in front add fields to a head. */
const SLACK_BYTES = 256;
const FACTOR = 1.1;

/**
 * Whether the limit that a hop shows explains that of the whole chain: the lowest limit of all hops is the one that clients
 * meet. A hop without a limit that can be measured is compared by the kind alone.
 */
export function isCauseOf(hop: Detection, chain: Detection): boolean {
  const [time, ofChain] = [timeOf(hop), timeOf(chain)];
  if (time !== null && ofChain !== null && time > ofChain * FACTOR + SLACK_MS) return false;
  const [size, most] = [sizeOf(hop), sizeOf(chain)];
  return size === null || most === null || size <= most * FACTOR + SLACK_BYTES;
}

/** The effort with which a hop is asked whether it is the cause: no more silence than shows a time limit. */
export function effortToRepeat(detection: Detection, effort: Effort): Effort {
  const time = timeOf(detection);
  if (time === null) return effort;
  const enoughMs = Math.ceil(time * FACTOR + SLACK_MS);
  return {
    ...effort,
    silenceMs: Math.min(effort.silenceMs, enoughMs),
    steadyMs: Math.min(effort.steadyMs, enoughMs),
  };
}

const timeOf = ({ evidence: { afterMs } }: Detection): number | null =>
  typeof afterMs === 'number' ? afterMs : null;

/** The member of the evidence that has the size at which a kind begins. */
const SIZED: Readonly<Record<string, string>> = {
  'upload-limit': 'limit',
  'upload-truncated': 'bytes',
  'url-limit': 'limit',
  'request-head-limit': 'limit',
  'response-head-limit': 'limit',
};

const sizeOf = ({ kind, evidence }: Detection): number | null => {
  const value = evidence[SIZED[kind] ?? ''];
  return typeof value === 'number' ? value : null;
};
