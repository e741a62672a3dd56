import {
  Flag,
  type Frame,
  Frames,
  type FramesOptions,
  FrameType,
  fieldOf,
  withoutPadding,
} from './frames.js';
import type { FieldLine } from './hpack.js';
import { openClient, type RawClient } from './raw-client.js';

export interface FrameClientOptions extends FramesOptions {
  /** The settings of the first SETTINGS frame. */
  settings?: readonly (readonly [id: number, value: number])[];
  /** Send nothing: the test sends the preface, or something else. */
  isSilent?: boolean;
}

export interface RequestFrame {
  method?: string;
  /** Fields after the pseudo-fields. */
  lines?: readonly FieldLine[];
  /** Content, sent in one DATA frame. Absent: the request ends with its head. */
  content?: string | Uint8Array;
  /** More content follows. */
  isOpen?: boolean;
}

/** The pseudo-fields of a request. */
export const pseudoFields = (path: string, method = 'GET'): FieldLine[] => [
  [':method', method],
  [':scheme', 'http'],
  [':authority', 'test'],
  [':path', path],
];

/** A response with details of its frames. */
export interface FramesResponse {
  /** 0 if no head came. */
  status: number;
  /** Field lines of the head, without `:status`. */
  lines: FieldLine[];
  interim: FieldLine[][];
  content: Buffer;
  /** Number of content bytes that arrived. */
  contentLength: number;
  /** Number of DATA frames, including empty ones. */
  dataFrames: number;
  trailers: FieldLine[] | null;
  /** END_STREAM has arrived. */
  isComplete: boolean;
  /** The code with which the stream was reset instead; null if it was not. */
  resetWith: number | null;
}

/** An HTTP/2 client at the level of frames. Its streams are 1, 3, 5 and so on. */
export class FramesClient extends Frames {
  declare readonly wire: RawClient;
  #last = -1;

  /** Sends a request with the usual pseudo-fields, and returns its stream. */
  get(path: string, request: RequestFrame = {}): number {
    const { method, lines = [], content, isOpen = false } = request;
    return this.sendRequest([...pseudoFields(path, method), ...lines], content, isOpen);
  }

  /** Asks for a WebSocket (RFC 8441 section 5), and returns its stream. */
  connect(path: string, lines: readonly FieldLine[] = [], protocol = 'websocket'): number {
    const head: FieldLine[] = [...pseudoFields(path, 'CONNECT'), [':protocol', protocol]];
    return this.sendRequest([...head, ['sec-websocket-version', '13'], ...lines], undefined, true);
  }

  /** Sends a request of exactly these lines, and returns its stream. */
  sendRequest(lines: readonly FieldLine[], content?: string | Uint8Array, isOpen = false): number {
    const stream = this.nextStream();
    const ends = content === undefined && !isOpen;
    void this.headers(stream, lines, Flag.END_HEADERS | (ends ? Flag.END_STREAM : 0));
    if (content !== undefined) void this.data(stream, content, isOpen ? Flag.NONE : Flag.END_STREAM);
    return stream;
  }

  /** Reads the response on a stream to its end or reset, and keeps windows open. `onContent` takes the content. */
  async readResponse(stream: number, onContent?: (bytes: Buffer) => void): Promise<FramesResponse> {
    const response: FramesResponse = {
      status: 0,
      lines: [],
      interim: [],
      content: Buffer.alloc(0),
      contentLength: 0,
      dataFrames: 0,
      trailers: null,
      isComplete: false,
      resetWith: null,
    };
    const parts: Buffer[] = [];
    while (!response.isComplete && response.resetWith === null) {
      const frame = await this.nextOn(stream);
      if (frame.type === FrameType.RST_STREAM) response.resetWith = frame.payload.readUInt32BE(0);
      if (frame.type !== FrameType.HEADERS && frame.type !== FrameType.DATA) continue;
      response.isComplete = (frame.flags & Flag.END_STREAM) !== 0;
      if (frame.type === FrameType.HEADERS) {
        addSection(response, (await this.toSection(frame)).lines);
        continue;
      }
      const bytes = withoutPadding(frame);
      response.dataFrames += 1;
      response.contentLength += bytes.length;
      if (onContent) onContent(bytes);
      else parts.push(bytes);
      this.#consumed(stream, frame, response.isComplete);
    }
    response.content = Buffer.concat(parts);
    return response;
  }

  #consumed(stream: number, { payload }: Frame, isLast: boolean): void {
    if (payload.length === 0) return;
    void this.windowUpdate(0, payload.length);
    if (!isLast) void this.windowUpdate(stream, payload.length);
  }

  /** The number of a new stream. */
  nextStream(): number {
    this.#last += 2;
    return this.#last;
  }

  close(): void {
    this.wire.close();
  }
}

function addSection(response: FramesResponse, lines: FieldLine[]): void {
  const rest = lines.filter(([name]) => name !== ':status');
  const status = Number(fieldOf(lines, ':status') ?? 0);
  if (response.status !== 0) response.trailers = lines;
  else if (status < 200) response.interim.push(lines);
  else Object.assign(response, { status, lines: rest });
}

/** Connects, with TLS if there is a `ca`, and sends the preface and the settings. */
export async function openFrames(
  to: { readonly port: number; readonly ca?: string | undefined },
  options: FrameClientOptions = {},
): Promise<FramesClient> {
  const { ca } = to;
  const wire = await openClient(to.port, ca === undefined ? {} : { tls: { ca, alpn: ['h2'] } });
  const frames = new FramesClient(wire, options);
  if (options.isSilent === true) return frames;
  void frames.writePreface();
  void frames.settings(options.settings);
  return frames;
}
