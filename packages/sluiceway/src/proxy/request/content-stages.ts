import type { Duplex } from 'node:stream';
import type { Fields } from '../../http/fields.js';
import type { Verification } from '../../stream/verified-source.js';
import type { ResumePoint } from '../../upstream/resume/resume-point.js';
import type { RestFinder } from '../../upstream/resume/resumed-content.js';
import type { ContentLimits } from '../messages/selection.js';

/**
 * The content stages of one response. The steps of the data path set them, `response/pipeline.ts` wraps the content
 * accordingly and explains the order. If a member is null or an empty list, its stage does not apply.
 */
export interface ContentStages {
  /** The length in bytes that the `Content-Range` of a part (206) states, if there is no `Content-Length`. */
  statedLength: number | null;
  resume: ResumeStage | null;
  verification: Verification | null;
  /** Rules that remove trailer fields which must not pass. */
  trailerRules: readonly TrailerRule[];
  transform: TransformStage | null;
  /** A digest of the content follows it as a trailer. */
  sendsDigest: boolean;
  limits: ContentLimits | null;
}

export type TrailerRule = (trailers: Fields) => void;

/** How broken content is resumed. */
export interface ResumeStage {
  part: ResumePoint;
  /** Called at the first break. */
  makeFinder: () => RestFinder;
  /** The content is not complete without its trailers. */
  needsTrailers: boolean;
}

/** The streams that content passes through, or the bytes that replace it. */
export type TransformStage =
  | {
      kind: 'streams';
      streams: readonly [Duplex, ...Duplex[]];
      /** Whether the streams change the bytes. */
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
