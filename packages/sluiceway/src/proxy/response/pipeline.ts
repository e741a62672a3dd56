import type { ClientExchange } from '../../downstream/exchange.js';
import { describeThrown, isInstance, SluicewayError } from '../../errors.js';
import { describesBytes } from '../../http/byte-description.js';
import { type ChunkSource, singleChunk } from '../../stream/chunk-source.js';
import { DigestTrailer } from '../../stream/digest-trailer.js';
import { ExactLengthSource } from '../../stream/exact-length.js';
import { FilteredTrailers } from '../../stream/filtered-trailers.js';
import { MaxLengthSource } from '../../stream/max-length.js';
import { MeteredSource } from '../../stream/metered-source.js';
import { ObservedSource } from '../../stream/observed-source.js';
import { TransformedSource } from '../../stream/transformed-source.js';
import { VerifiedSource } from '../../stream/verified-source.js';
import { ResumedContent } from '../../upstream/resume/resumed-content.js';
import type { TransportResponse } from '../../upstream/transport.js';
import type { ContentLimits } from '../messages/selection.js';
import type { ContentStages, ResumeStage, TrailerRule, TransformStage } from '../request/content-stages.js';
import type { Transfer } from '../transfer/transfer.js';

// This file is the only one that wraps the content of responses. Content passes the stages in this order:
//
// 1. Framing. First, because everything after it relies on the end of the content: content that is shorter than its head
//    states must look broken, not complete.
// 2. Resume. After framing, which is what detects the break, and before everything else, so that the other stages see one
//    content that never broke.
// 3. Verification. After resume, so that it covers all parts of resumed content. Before the transform, since the digests
//    are those of the origin server's bytes.
// 4. Trailer rules. After verification, which reads digests in trailers that the client does not get.
// 5. Transform. Sees verified content, and decides what the client gets.
// 6. Digest trailer. After the transform: the digest is that of the bytes that the client gets.
// 7. Limit of the size. It counts what the client gets.
// 8. Observers and meters. Last, because they record what is handed to the client. The meter applies the limits of the
//    rate, and counts what has passed them. Idle timeouts follow from it.
//
// A stage that does not apply adds no wrapper, and so costs nothing per chunk.

/** The members of a transfer that the stages use. */
export type PipelineTransfer = Pick<
  Transfer,
  'timeouts' | 'onContent' | 'resumedContent' | 'meterDownload' | 'meterTransform'
>;

/** The members of the request's state that the stages use. */
export interface PipelineState {
  readonly stages: ContentStages;
  readonly transfer: PipelineTransfer;
  readonly client: Pick<ClientExchange, 'takesTrailers'>;
}

/** The content of a response as the client gets it: all stages. */
export function openContent(state: PipelineState, received: TransportResponse): ChunkSource {
  const { stages, transfer } = state;
  const { transform, limits } = stages;
  let content =
    transform?.kind === 'bytes' ? singleChunk(transform.bytes) : openReceivedContent(state, received);
  if (transform?.kind === 'streams')
    content = transformContent(content, transform, received.contentLength, transfer);
  if (stages.sendsDigest) content = new DigestTrailer(content);
  if (limits !== null) content = limitContent(content, limits);
  return meterContent(content, transfer);
}

/** The content of a response as the origin server sends it: stages 1 to 4. */
export function openReceivedContent(
  { stages, transfer, client }: PipelineState,
  received: TransportResponse,
): ChunkSource {
  const { statedLength, resume, verification, trailerRules } = stages;
  let { content } = received;
  if (statedLength !== null) content = new ExactLengthSource(content, statedLength, toLengthError);
  if (resume !== null) content = resumeContent(content, resume, transfer);
  if (verification !== null) content = new VerifiedSource(content, verification);
  if (trailerRules.length > 0 && client.takesTrailers(contentLengthAfter(stages, received)))
    content = filterTrailers(content, trailerRules);
  return content;
}

/** Content that the application supplies: framing, observers and meters. `statedLength` null: the length is not checked. */
export function openOwnContent(
  content: ChunkSource,
  statedLength: number | null,
  transfer: PipelineTransfer,
): ChunkSource {
  const framed = statedLength === null ? content : new ExactLengthSource(content, statedLength);
  return meterContent(framed, transfer);
}

/** The length of the content after the transform, in bytes; null if it is unknown. */
export function contentLengthAfter(
  { transform, statedLength }: ContentStages,
  { contentLength }: TransportResponse,
): number | null {
  const length = contentLength ?? statedLength;
  if (transform === null) return length;
  if (transform.kind === 'bytes') return transform.bytes.length;
  return transform.changes ? null : length;
}

const toLengthError = (message: string, fault: 'short' | 'long'): SluicewayError =>
  new SluicewayError(fault === 'short' ? 'http_response_incomplete' : 'http_protocol_error', message);

function resumeContent(
  content: ChunkSource,
  { part, makeFinder, needsTrailers }: ResumeStage,
  transfer: PipelineTransfer,
): ChunkSource {
  const resumed = new ResumedContent(content, part, makeFinder, needsTrailers);
  transfer.resumedContent = resumed;
  transfer.timeouts.watchSilence(resumed);
  return resumed;
}

const filterTrailers = (content: ChunkSource, rules: readonly TrailerRule[]): ChunkSource =>
  new FilteredTrailers(content, (trailers) => {
    for (const rule of rules) rule(trailers);
  });

function transformContent(
  content: ChunkSource,
  { streams, changes }: TransformStage & { kind: 'streams' },
  contentLength: number | null,
  transfer: PipelineTransfer,
): ChunkSource {
  const input = new MeteredSource(content, transfer.meterTransform());
  const transformed = new TransformedSource(input, streams, {
    keepsLength: !changes,
    announced: changes ? null : contentLength,
    toError: toTransformError,
  });
  if (!changes) return transformed;
  return new FilteredTrailers(transformed, (trailers) => {
    trailers.retain((name) => !describesBytes(name));
  });
}

function toTransformError(cause: unknown): SluicewayError {
  if (isInstance(cause, SluicewayError)) return cause;
  return new SluicewayError('proxy_internal_error', `A transform failed: ${describeThrown(cause)}`, {
    cause,
  });
}

function limitContent(
  content: ChunkSource,
  { onContent, maxBytes, toTooLongError }: ContentLimits,
): ChunkSource {
  const observed = onContent === null ? content : new ObservedSource(content, onContent);
  return maxBytes === null ? observed : new MaxLengthSource(observed, maxBytes, toTooLongError);
}

function meterContent(content: ChunkSource, transfer: PipelineTransfer): ChunkSource {
  const shown = transfer.onContent === null ? content : new ObservedSource(content, transfer.onContent);
  return new MeteredSource(shown, transfer.meterDownload());
}
