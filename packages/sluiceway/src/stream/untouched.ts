import type { Readable } from 'node:stream';
import type { ChunkSink, ChunkSource } from './chunk-source.js';
import { PassThrough } from './pass-through.js';
import type { Splice, SpliceOffer } from './splice.js';

/**
 * What somebody else has done to a stream of bytes, so that it cannot be had whole any more; null where nobody has.
 * A listener to `data` of a stream that does not flow yet is no reason: it will see the same bytes.
 */
export function findTouch(stream: Readable): string | null {
  if (stream.readableDidRead || stream.readableEnded) return 'was read before';
  if (stream.readableEncoding !== null) return 'is decoded as text (setEncoding), which changes bytes';
  // A stream that flows already will lose bytes before it is read here. One with a `readable` listener, which
  // iterators have too, never flows, and whoever has it takes what comes.
  if (stream.readableFlowing === true || stream.listenerCount('readable') > 0)
    return 'is being read by something else';
  return null;
}

/** The same content, which fails at its start where `findFault` finds one: what comes then would not be whole. */
export class UntouchedSource extends PassThrough {
  readonly #findFault: () => Error | null;

  constructor(source: ChunkSource, findFault: () => Error | null) {
    super(source);
    this.#findFault = findFault;
  }

  override start(sink: ChunkSink): void {
    const fault = this.#findFault();
    if (fault === null) this.source.start(sink);
    else sink.fail(fault);
  }

  splice(offer: SpliceOffer): Splice | null {
    return this.passSplice(offer);
  }
}
