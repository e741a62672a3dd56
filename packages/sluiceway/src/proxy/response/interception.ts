import { SluicewayError } from '../../errors.js';
import { removeByteDescription, weakenByteDescription } from '../../http/byte-description.js';
import type { ChunkSource } from '../../stream/chunk-source.js';
import { MeteredSource } from '../../stream/metered-source.js';
import type { TransportResponse } from '../../upstream/transport.js';
import { type ResponseMessages, type ResponseTransform, runHook } from '../messages/hooks.js';
import type { RequestState } from '../request/request-state.js';
import type { Transfer } from '../transfer/transfer.js';
import { openReceivedContent } from './pipeline.js';
import { isContentless } from './respond.js';

/**
 * Gets the whole content of a response before its head is sent, can change the head (`response`), and returns the
 * content that the client gets. Memory is not bounded, so `createProxy` has no option for it: use `transform.response`,
 * which works in bounded memory.
 */
export type ContentInterceptor = (
  content: Buffer,
  messages: ResponseMessages,
) => string | Uint8Array | Promise<string | Uint8Array>;

/**
 * Takes the place of a `transform.response`: gathers the content of each response and replaces it with what the interceptor
 * returns. A response without content stays without, and the interceptor is not called. If the content breaks off, the
 * proxy can still answer with an error, since nothing has been sent.
 */
export class Interception implements ResponseTransform {
  readonly changesContent = true;
  readonly #interceptor: ContentInterceptor;

  constructor(interceptor: ContentInterceptor) {
    this.#interceptor = interceptor;
  }

  create(): null {
    return null;
  }

  async apply(state: RequestState, messages: ResponseMessages, received: TransportResponse): Promise<void> {
    const { response, request } = messages;
    const { headers } = response;
    if (received.tunnel !== null || response.content !== undefined) return;
    if (received.status === 206)
      throw new SluicewayError(
        'http_protocol_error',
        'A part (206) that was not requested cannot be intercepted',
      );
    if (response.status === 304) weakenByteDescription(headers);
    else removeByteDescription(headers);
    headers.delete('trailer');
    if (isContentless(request.method, response.status)) {
      headers.delete('content-encoding');
      return;
    }
    const content = await gather(openReceivedContent(state, received), state.transfer);
    const result = await runHook(() => this.#interceptor(content, messages), undefined);
    if (typeof result !== 'string' && !(result instanceof Uint8Array))
      throw new SluicewayError(
        'proxy_internal_error',
        'An interceptor must return a string or bytes as the content',
      );
    const bytes = typeof result === 'string' ? Buffer.from(result) : result;
    state.stages.transform = { kind: 'bytes', bytes };
  }
}

/** Gathers the whole content, and copies it, since the source only lends its bytes. */
function gather(source: ChunkSource, transfer: Transfer): Promise<Buffer> {
  const metered = new MeteredSource(source, transfer.meterTransform());
  transfer.timeouts.responseWaitsFor('upstream');
  const parts: Buffer[] = [];
  return new Promise((resolve, reject) => {
    transfer.onAborted((error) => {
      metered.cancel();
      reject(error);
    });
    metered.start({
      chunk(bytes, done) {
        parts.push(Buffer.from(bytes));
        done();
      },
      end: () => resolve(Buffer.concat(parts)),
      fail: reject,
    });
  });
}
