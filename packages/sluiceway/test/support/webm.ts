/** A frame of VP8 video. */
export interface VideoFrame {
  timestampMs: number;
  isKey: boolean;
  data: Uint8Array;
}

export interface Video {
  width: number;
  height: number;
  durationMs: number;
  frames: readonly VideoFrame[];
  /** Padding bytes after each cluster. They make a file large that is quick to encode. */
  padding: number;
}

/**
 * Creates a seekable WebM file (RFC 9559): a cluster for each key frame, and the table of their positions at the end,
 * where most recorders put it.
 */
export function toWebm(video: Video): Buffer {
  const { width, height, durationMs } = video;
  const header = element(0x1a45dfa3, [
    element(0x4286, uint(1)), // EBMLVersion
    element(0x42f7, uint(1)), // EBMLReadVersion
    element(0x42f2, uint(4)), // EBMLMaxIDLength
    element(0x42f3, uint(8)), // EBMLMaxSizeLength
    element(0x4282, text('webm')), // DocType
    element(0x4287, uint(4)), // DocTypeVersion
    element(0x4285, uint(2)), // DocTypeReadVersion
  ]);
  const info = element(0x1549a966, [
    element(0x2ad7b1, uint(1_000_000)), // TimestampScale: ns
    element(0x4489, float(durationMs)), // Duration
    element(0x4d80, text('test')), // MuxingApp
    element(0x5741, text('test')), // WritingApp
  ]);
  const tracks = element(0x1654ae6b, [
    element(0xae, [
      element(0xd7, uint(1)), // TrackNumber
      element(0x73c5, uint(1)), // TrackUID
      element(0x83, uint(1)), // TrackType: video
      element(0x86, text('V_VP8')), // CodecID
      element(0xe0, [element(0xb0, uint(width)), element(0xba, uint(height))]),
    ]),
  ]);

  const clusters: Buffer[] = [];
  const cuePoints: Buffer[] = [];
  let position = seekHead(0).length + info.length + tracks.length;
  for (const group of groupsOf(video.frames)) {
    const start = group[0]?.timestampMs ?? 0;
    cuePoints.push(
      element(0xbb, [
        element(0xb3, uint(start)), // CueTime
        element(0xb7, [element(0xf7, uint(1)), element(0xf1, uint(position))]), // CueTrack, CueClusterPosition
      ]),
    );
    const blocks = group.map((frame) => simpleBlock(frame, start));
    const cluster = element(0x1f43b675, [element(0xe7, uint(start)), ...blocks]);
    const nothing = element(0xec, Buffer.alloc(video.padding));
    clusters.push(cluster, nothing);
    position += cluster.length + nothing.length;
  }
  const cues = element(0x1c53bb6b, cuePoints);
  return Buffer.concat([
    header,
    element(0x18538067, [seekHead(position), info, tracks, ...clusters, cues]), // Segment
  ]);
}

/** The position of the cues, from the first byte inside the segment. Has the same length for every position. */
const seekHead = (cuesPosition: number): Buffer =>
  element(0x114d9b74, [
    element(0x4dbb, [element(0x53ab, bytesOf(0x1c53bb6b)), element(0x53ac, uint(cuesPosition))]),
  ]);

/** Groups each key frame with the frames that follow it. */
function groupsOf(frames: readonly VideoFrame[]): VideoFrame[][] {
  const groups: VideoFrame[][] = [];
  for (const frame of frames) {
    if (frame.isKey) groups.push([]);
    groups.at(-1)?.push(frame);
  }
  return groups;
}

function simpleBlock({ timestampMs, isKey, data }: VideoFrame, clusterMs: number): Buffer {
  const head = Buffer.from([0x81, 0, 0, isKey ? 0x80 : 0]);
  head.writeInt16BE(timestampMs - clusterMs, 1);
  return element(0xa3, [head, data]);
}

/** An element whose size is encoded in eight bytes, which always fit. */
function element(id: number, content: Uint8Array | readonly Uint8Array[]): Buffer {
  const parts = content instanceof Uint8Array ? [content] : content;
  const size = uint(parts.reduce((sum, part) => sum + part.length, 0));
  size[0] = 1;
  return Buffer.concat([bytesOf(id), size, ...parts]);
}

function bytesOf(id: number): Buffer {
  const hex = id.toString(16);
  return Buffer.from(hex, 'hex');
}

function uint(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

function float(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes;
}

const text = (value: string): Buffer => Buffer.from(value, 'latin1');
