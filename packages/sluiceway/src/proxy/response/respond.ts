import type { ClientExchange } from '../../downstream/exchange.js';
import { retainTrailers } from '../../http/trailers.js';
import type { ChunkSource } from '../../stream/chunk-source.js';
import type { Transfer } from '../transfer/transfer.js';

/** Whether a response has no content, whatever its fields say (RFC 9110 section 6.4.1). */
export const isContentless = (method: string, status: number): boolean =>
  method === 'HEAD' || status === 204 || status === 304 || status < 200;

/**
 * Relays content from the pipeline to the client. Settles when all of it has been handed to the response. Rejects when
 * the source fails or the transfer is aborted.
 */
export function relayContent(
  transfer: Transfer,
  client: ClientExchange,
  content: ChunkSource,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const sink = client.contentSink(() => retainTrailers(content.trailers), resolve, reject);
    transfer.onAborted((error) => {
      content.cancel();
      reject(error);
    });
    content.start(sink);
    sink.flushHead();
  });
}
