import type { Readable } from 'node:stream';
import type { ChunkSink, ChunkSource } from './chunk-source.js';
import { PassThrough } from './pass-through.js';
import type { Splice, SpliceOffer } from './splice.js';

/**
 * What other code has done to a stream of bytes, so that it can no longer be read completely; null if nothing. A `data`
 * listener on a stream that does not flow yet does no harm: it will see the same bytes.
 */
export function findTouch(stream: Readable): string | null {
  if (stream.readableDidRead || stream.readableEnded) return 'was read before';
  if (stream.readableEncoding !== null) return 'is decoded as text (setEncoding), which changes bytes';
  // A flowing stream loses bytes before it is read here. A stream with a `readable` listener, which iterators also use,
  // never flows, and the listener takes the bytes.
  if (stream.readableFlowing === true || stream.listenerCount('readable') > 0)
    return 'is being read by something else';
  return null;
}

/** The same content. Fails at the start if `findFault` finds a fault: the content would not be complete. */
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
