import { createHash } from 'node:crypto';
import type { Facts } from './facts.js';

/** What `<name>.part.json` says about `<name>.part`. Has no secret: no query of a URL and no field of a request. */
export interface PartState {
  /** The URL without its query. */
  url: string;
  /** SHA-256 of the whole URL. */
  urlHash: string;
  /** Bytes of the part that are safe on disk. */
  bytes: number;
  /** The process that writes the part. Null: none does. */
  pid: number | null;
  facts: Facts | null;
}

const VERSION = 1;

export const formatState = (state: PartState): string =>
  `${JSON.stringify({ sluicewayGet: VERSION, ...state }, null, 2)}\n`;

/** Parses the text of a state file. Null if it is not one of this version. */
export function parseState(text: string): PartState | null {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isRecord(given) || given['sluicewayGet'] !== VERSION) return null;
  const { url, urlHash, bytes, pid, facts } = given;
  if (typeof url !== 'string' || typeof urlHash !== 'string' || !isCount(bytes)) return null;
  if (pid !== null && !isCount(pid)) return null;
  const known = facts === null ? null : parseFacts(facts);
  if (known === undefined) return null;
  return { url, urlHash, bytes, pid, facts: known };
}

/** Undefined if it is not valid. */
function parseFacts(given: unknown): Facts | undefined {
  if (!isRecord(given)) return undefined;
  const { etag, lastModified, ifRange, total, contentEncoding, digest } = given;
  const texts = [etag, lastModified, ifRange, contentEncoding, digest];
  if (!texts.every(isTextOrNull) || (total !== null && !isCount(total))) return undefined;
  const [tag = null, date = null, condition = null, coding = null, hash = null] = texts as (string | null)[];
  return { etag: tag, lastModified: date, ifRange: condition, total, contentEncoding: coding, digest: hash };
}

export const hashUrl = (url: string): string => createHash('sha256').update(url).digest('hex');

/** The URL without its query and fragment, which can have secrets. */
export const withoutQuery = (url: string): string => url.replace(/[?#].*$/s, '');

const isRecord = (given: unknown): given is Record<string, unknown> =>
  typeof given === 'object' && given !== null && !Array.isArray(given);

const isCount = (given: unknown): given is number => Number.isSafeInteger(given) && (given as number) >= 0;

const isTextOrNull = (given: unknown): boolean => given === null || typeof given === 'string';
