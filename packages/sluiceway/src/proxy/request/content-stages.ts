import type { Duplex } from 'node:stream';
import type { Fields } from '../../http/fields.js';
import type { Verification } from '../../stream/verified-source.js';
import type { ResumePoint } from '../../upstream/resume/resume-point.js';
import type { RestFinder } from '../../upstream/resume/resumed-content.js';
import type { ContentLimits } from '../messages/selection.js';

/**
 * What applies to the content of one response. The steps of the data path declare it, and `response/pipeline.ts`, which
 * explains the order, wraps the content accordingly. Null, or an empty list: the stage does not apply.
 */
export interface ContentStages {
  /** Bytes that the `Content-Range` of a part (206) states, if no `Content-Length` does. */
  statedLength: number | null;
  resume: ResumeStage | null;
  verification: Verification | null;
  /** Each removes the trailer fields that must not pass. */
  trailerRules: readonly TrailerRule[];
  transform: TransformStage | null;
  /** A digest of the content follows it as a trailer. */
  sendsDigest: boolean;
  limits: ContentLimits | null;
}

export type TrailerRule = (trailers: Fields) => void;

/** How broken content is continued. */
export interface ResumeStage {
  part: ResumePoint;
  /** Called at the first break. */
  makeFinder: () => RestFinder;
  /** The content is not complete without its trailers. */
  needsTrailers: boolean;
}

/** Streams that content passes through, or the bytes that have replaced it. */
export type TransformStage =
  | {
      kind: 'streams';
      streams: readonly [Duplex, ...Duplex[]];
      /** Whether the bytes differ afterwards. */
      changes: boolean;
    }
  | { kind: 'bytes'; bytes: Uint8Array };

const NO_RULES: readonly TrailerRule[] = [];

export const noStages = (): ContentStages => ({
  statedLength: null,
  resume: null,
  verification: null,
  trailerRules: NO_RULES,
  transform: null,
  sendsDigest: false,
  limits: null,
});
