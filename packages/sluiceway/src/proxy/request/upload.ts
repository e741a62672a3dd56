import type { ClientExchange } from '../../downstream/exchange.js';
import { SluicewayError } from '../../errors.js';
import type { ContentFraming } from '../../http/framing.js';
import { type ChunkSink, type ChunkSource, singleChunk } from '../../stream/chunk-source.js';
import { MaxLengthSource } from '../../stream/max-length.js';
import type { MeteredSource } from '../../stream/metered-source.js';
import { PassThrough } from '../../stream/pass-through.js';
import { UntouchedSource } from '../../stream/untouched.js';
import type { RequestContent } from '../../upstream/transport.js';
import type { Transfer } from '../transfer/transfer.js';

/**
 * Null if the request has no content. Throws if code before the proxy has already read the content, or if it announces
 * more than `maxBytes` (null: no limit). Content of unknown length fails once it exceeds `maxBytes`.
 */
export function openUpload(
  client: ClientExchange,
  framing: ContentFraming,
  { allowsZeroCopy }: Pick<Transfer, 'allowsZeroCopy'>,
  maxBytes: number | null,
): RequestContent | null {
  if (framing.kind === 'none' || (framing.kind === 'length' && framing.length === 0)) return null;
  const fault = findFault(client);
  if (fault !== null) throw fault;
  if (maxBytes !== null && framing.kind === 'length' && framing.length > maxBytes) throw tooLarge(maxBytes);
  const { length, text } = framing.kind === 'length' ? framing : { length: null };
  // One that is only close to what is announced is no count.
  const spliceableLength = allowsZeroCopy && text === undefined ? length : null;
  const source = client.openContent(spliceableLength);
  const limited =
    maxBytes !== null && length === null
      ? new MaxLengthSource(source, maxBytes, () => tooLarge(maxBytes))
      : source;
  // An approximate length cannot be counted.
  const checked = new UntouchedSource(limited, () => findFault(client));
  return { source: checked, length, ...(text !== undefined && { lengthText: text }) };
}

/** Content that is already in memory. Null if it is empty. */
export function uploadBytes(content: Uint8Array, maxBytes: number | null): RequestContent | null {
  const { length } = content;
  if (length === 0) return null;
  if (maxBytes !== null && length > maxBytes) throw tooLarge(maxBytes);
  return { source: singleChunk(content), length };
}

/** Fields that describe the bytes as the client sent them, not those that a body parser has produced. */
export const OF_BYTES_AS_SENT: readonly string[] = [
  'Content-Encoding',
  'Content-Digest',
  'Repr-Digest',
  'Digest',
  'Content-MD5',
];

/**
 * The same content for a client that waits for 100: sends it a 100 when the content is first read. The transport reads
 * it when the origin server sends 100, or has not done so in time (RFC 9110 section 10.1.1 lets a proxy send 100 then).
 * Otherwise a waiting client and an origin server that does not support `Expect` would wait for each other.
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

/** Whether request content is still arriving that the proxy does not read. */
export function isLeftUnread(client: ClientExchange, received: MeteredSource | null): boolean {
  return !client.isRequestComplete && received?.isRunning !== true;
}
