import { IncomingMessage } from 'node:http';
import { readTrailers } from '../../http/trailers.js';
import type { ChunkSource } from '../../stream/chunk-source.js';
import { ReadableSource } from '../../stream/readable-source.js';
import { requestContentError } from '../checks.js';
import type { SizedContent } from './sized-content.js';
import { toSpliceable } from './spliceable-content.js';

/**
 * The content of a request, which is not that of `request` where Node has not read it. `spliceableLength` is its length
 * where the kernel may move it; else null.
 */
export function toRequestSource(
  request: IncomingMessage,
  content: IncomingMessage | SizedContent,
  spliceableLength: number | null,
): ChunkSource {
  const source = new ReadableSource(content, {
    destroyOnCancel: false,
    // What follows on the connection lies in the same memory.
    releaseChunks: content === request,
    // Others, such as those of test tools, may push only when they are asked.
    takesPushes: content === request && content._read === IncomingMessage.prototype._read,
    trailers: () => readTrailers(rawTrailersOf(request), request.rawHeaders),
    toError: requestContentError,
  });
  return content === request ? toSpliceable(source, request, spliceableLength) : source;
}

/** Requests of Fastify's `inject`, which no parser has made, have none; their types do not say so. */
const rawTrailersOf = ({ rawTrailers }: { rawTrailers?: string[] }): string[] => rawTrailers ?? [];
