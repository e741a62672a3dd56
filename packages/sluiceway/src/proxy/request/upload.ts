import type { ClientExchange } from '../../downstream/exchange.js';
import { SluicewayError } from '../../errors.js';
import type { ContentFraming } from '../../http/framing.js';
import { type ChunkSink, type ChunkSource, singleChunk } from '../../stream/chunk-source.js';
import { MaxLengthSource } from '../../stream/max-length.js';
import { MeteredSource } from '../../stream/metered-source.js';
import { PassThrough } from '../../stream/pass-through.js';
import { UntouchedSource } from '../../stream/untouched.js';
import type { RequestContent } from '../../upstream/transport.js';
import type { Transfer } from '../transfer/transfer.js';

/** The client's request content on its way up. */
export interface Upload extends RequestContent {
  source: MeteredSource;
}

/**
 * Null where the request has no content. Throws where something before the proxy has read it already, and where it
 * announces more than `maxBytes` (null: no limit); content of unknown length fails once it is more.
 */
export function openUpload(
  client: ClientExchange,
  framing: ContentFraming,
  transfer: Transfer,
  maxBytes: number | null,
): Upload | null {
  if (framing.kind === 'none' || (framing.kind === 'length' && framing.length === 0)) return null;
  const fault = findFault(client);
  if (fault !== null) throw fault;
  if (maxBytes !== null && framing.kind === 'length' && framing.length > maxBytes) throw tooLarge(maxBytes);
  const { length, text } = framing.kind === 'length' ? framing : { length: null };
  // One that is only close to what is announced is no count.
  const spliceableLength = transfer.allowsZeroCopy && text === undefined ? length : null;
  const source = client.openContent(spliceableLength);
  const limited =
    maxBytes !== null && length === null
      ? new MaxLengthSource(source, maxBytes, () => tooLarge(maxBytes))
      : source;
  // A hook, or middleware that goes on beside the proxy, may have read of it when it is sent at last.
  const checked = new UntouchedSource(limited, () => findFault(client));
  const metered = new MeteredSource(checked, transfer.meterUpload());
  return { source: metered, length, ...(text !== undefined && { lengthText: text }) };
}

/** Content that has been read already, and given back: null where it is empty. */
export function uploadBytes(content: Uint8Array, transfer: Transfer, maxBytes: number | null): Upload | null {
  const { length } = content;
  if (length === 0) return null;
  if (maxBytes !== null && length > maxBytes) throw tooLarge(maxBytes);
  return { source: new MeteredSource(singleChunk(content), transfer.meterUpload()), length };
}

/** What holds of the bytes as the client sent them, and not of those that a parser has made of them. */
export const OF_BYTES_AS_SENT: readonly string[] = [
  'Content-Encoding',
  'Content-Digest',
  'Repr-Digest',
  'Digest',
  'Content-MD5',
];

/**
 * The same content for a client that waits for 100: it is told to go on when its content is wanted. That is when the
 * origin server says 100, or has been waited for in vain (RFC 9110 section 10.1.1 lets a proxy say it then): an
 * origin server that knows no expectations and a client that waits would wait for each other.
 */
export function continueWhenWanted(content: RequestContent, client: ClientExchange): RequestContent {
  return { ...content, source: new ContinuedSource(content.source, client) };
}

class ContinuedSource extends PassThrough {
  readonly #client: ClientExchange;

  constructor(source: ChunkSource, client: ClientExchange) {
    super(source);
    this.#client = client;
  }

  override start(sink: ChunkSink): void {
    if (!this.#client.isHeadSent) this.#client.sendContinue();
    this.source.start(sink);
  }
}

function findFault(client: ClientExchange): SluicewayError | null {
  const touch = client.findContentTouch();
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
export function isLeftUnread(client: ClientExchange, upload: Upload | null): boolean {
  return !client.isRequestComplete && upload?.source.isRunning !== true;
}
