import type { IncomingMessage } from 'node:http';
import { SluicewayError } from '../errors.js';
import { Fields } from '../http/fields.js';
import type { ContentFraming } from '../http/framing.js';
import { retainTrailers } from '../http/trailers.js';
import { MaxLengthSource } from '../stream/max-length.js';
import { MeteredSource } from '../stream/metered-source.js';
import { ReadableSource } from '../stream/readable-source.js';
import type { RequestContent } from '../upstream/transport.js';
import type { Transfer } from './transfer.js';

let warned = false;

/** Node's server ends every request that takes longer than this, and says so to nobody: 5 minutes by default. */
function warnOfRequestTimeout(request: IncomingMessage): void {
  const { server }: { server?: { requestTimeout?: number } } = request.socket as object;
  if (warned || (server?.requestTimeout ?? 0) === 0) return;
  warned = true;
  process.emitWarning(
    'The server ends uploads that take longer than its requestTimeout: set it to 0, or use attach(server, proxy)',
    'SluicewayRequestTimeoutWarning',
  );
}

/** The client's request content on its way up. */
export interface Upload extends RequestContent {
  source: MeteredSource;
}

/**
 * Null where the request has no content. Throws where something before the proxy has read it already, and where it
 * announces more than `maxBytes` (0: no limit); content of unknown length fails once it is more.
 */
export function openUpload(
  request: IncomingMessage,
  framing: ContentFraming,
  transfer: Transfer,
  maxBytes: number,
): Upload | null {
  if (framing.kind === 'none' || (framing.kind === 'length' && framing.length === 0)) return null;
  if (request.readableDidRead || request.readableEnded) {
    throw new SluicewayError(
      'proxy_configuration_error',
      'The request content was read before the proxy got the request: mount the proxy before body parsers',
    );
  }
  if (maxBytes > 0 && framing.kind === 'length' && framing.length > maxBytes) throw tooLarge(maxBytes);
  warnOfRequestTimeout(request);
  const source = new ReadableSource(request, {
    destroyOnCancel: false,
    releaseChunks: true,
    trailers: () => retainTrailers(Fields.fromParser(request.rawTrailers)),
    toError: (cause) => new SluicewayError('client_aborted', 'The client left during its request', { cause }),
  });
  const length = framing.kind === 'length' ? framing.length : null;
  const limited =
    maxBytes > 0 && length === null
      ? new MaxLengthSource(source, maxBytes, () => tooLarge(maxBytes))
      : source;
  return { source: new MeteredSource(limited, transfer.meterUpload()), length };
}

const tooLarge = (maxBytes: number): SluicewayError =>
  new SluicewayError('content_too_large', `The request content is longer than ${maxBytes} bytes`);

/** Content that is still under way although nobody reads it any more. */
export function isLeftUnread(request: IncomingMessage, upload: Upload | null): boolean {
  return !request.complete && upload?.source.isRunning !== true;
}
