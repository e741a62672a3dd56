import type { IncomingMessage } from 'node:http';
import { SluicewayError } from '../errors.js';
import { Fields } from '../http/fields.js';
import type { ContentFraming } from '../http/framing.js';
import { retainTrailers } from '../http/trailers.js';
import { MaxLengthSource } from '../stream/max-length.js';
import { MeteredSource } from '../stream/metered-source.js';
import { ReadableSource } from '../stream/readable-source.js';
import { findTouch, UntouchedSource } from '../stream/untouched.js';
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
  const fault = findFault(request);
  if (fault !== null) throw fault;
  if (request.destroyed) throw destroyedEarly(request);
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
  // A hook, or middleware that goes on beside the proxy, may have read of it when it is sent at last.
  const checked = new UntouchedSource(limited, () => findFault(request));
  return { source: new MeteredSource(checked, transfer.meterUpload()), length };
}

/** For a request that somebody before the proxy has destroyed, or left an iteration over, which does the same. */
export function destroyedEarly(request: IncomingMessage): SluicewayError {
  const message = 'The request was destroyed before the proxy got it';
  return new SluicewayError('proxy_configuration_error', message, { cause: request.errored ?? undefined });
}

function findFault(request: IncomingMessage): SluicewayError | null {
  const touch = findTouch(request);
  return touch === null
    ? null
    : new SluicewayError(
        'proxy_configuration_error',
        `The request content ${touch}: it must reach the proxy untouched, so mount the proxy before body parsers`,
      );
}

const tooLarge = (maxBytes: number): SluicewayError =>
  new SluicewayError('content_too_large', `The request content is longer than ${maxBytes} bytes`);

/** Content that is still under way although nobody reads it any more. */
export function isLeftUnread(request: IncomingMessage, upload: Upload | null): boolean {
  return !request.complete && upload?.source.isRunning !== true;
}
