import type { IncomingMessage } from 'node:http';
import { readTrailers } from '../../http/trailers.js';
import type { ChunkSource } from '../../stream/chunk-source.js';
import { ReadableSource } from '../../stream/readable-source.js';
import { requestContentError } from '../checks.js';
import type { SizedContent } from './sized-content.js';
import { toSpliceable } from './spliceable-content.js';

/**
 * Returns the source for the content of a request. `content` is not `request` if Node does not read the content.
 * `spliceableLength` is its length if it can be spliced; null otherwise.
 */
export function toRequestSource(
  request: IncomingMessage,
  content: IncomingMessage | SizedContent,
  spliceableLength: number | null,
): ChunkSource {
  const source = new ReadableSource(content, {
    destroyOnCancel: false,
    // Otherwise the memory may also hold what follows on the connection.
    releaseChunks: content === request,
    trailers: () => readTrailers(rawTrailersOf(request), request.rawHeaders),
    toError: requestContentError,
  });
  return content === request ? toSpliceable(source, request, spliceableLength) : source;
}

/** Requests of Fastify's `inject` do not come from a parser and have no trailers. Their types do not say so. */
const rawTrailersOf = ({ rawTrailers }: { rawTrailers?: string[] }): string[] => rawTrailers ?? [];
