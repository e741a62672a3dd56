import type { Network } from './fixture.js';
import { Flag, Frames } from './frames.js';
import type { FieldLine } from './hpack.js';
import { type Http2Server, type Http2ServerOptions, startHttp2Server } from './node-http2.js';
import type { RawClient } from './raw-client.js';
import type { OriginConnection, RawOrigin } from './raw-origin.js';
import type { ProxyOptions, RunningProxy } from './servers.js';

type Options = Omit<ProxyOptions, 'upstream'>;

interface Line {
  running: RunningProxy;
  /** A client over HTTP/1.1. */
  client: RawClient;
}

/** A proxy that uses HTTP/2 with the origin server at `url`, and a client. */
async function proxyToHttp2(net: Network, url: string, options: Options = {}): Promise<Line> {
  const running = await net.proxy({ ...options, upstream: { url, protocol: 'http2' } });
  return { running, client: await net.client(running) };
}

/** A client, a proxy and Node's own HTTP/2 server in line. */
export async function throughHttp2(
  net: Network,
  serve: Parameters<typeof startHttp2Server>[1],
  options: Options = {},
  server: Http2ServerOptions = {},
): Promise<Line & { origin: Http2Server }> {
  const origin = await startHttp2Server(net, serve, server);
  return { origin, ...(await proxyToHttp2(net, origin.url, options)) };
}

/** Handles a connection of an origin server, after both sides have sent their SETTINGS. */
export type FramesScript = (frames: Frames, connection: OriginConnection) => Promise<void> | void;

/** Serves HTTP/2 at the level of frames on each connection. The first SETTINGS frame contains `settings`. */
export const speakFrames =
  (script: FramesScript, settings: readonly (readonly [id: number, value: number])[] = []) =>
  async (connection: OriginConnection): Promise<void> => {
    const frames = new Frames(connection);
    await frames.readPreface();
    await frames.settings(settings);
    await script(frames, connection);
  };

/** A client, a proxy and an origin server at the level of frames in line. */
export async function throughFrames(
  net: Network,
  script: FramesScript,
  options: Options = {},
  settings: readonly (readonly [id: number, value: number])[] = [],
): Promise<Line & { origin: RawOrigin }> {
  const origin = await net.origin(speakFrames(script, settings));
  return { origin, ...(await proxyToHttp2(net, origin.url, options)) };
}

export const OK: readonly FieldLine[] = [[':status', '200']];

/** Answers a stream with content that is complete. */
export async function answer(
  frames: Frames,
  stream: number,
  content: string | Uint8Array,
  lines: readonly FieldLine[] = OK,
): Promise<void> {
  await frames.headers(stream, lines);
  await frames.data(stream, content, Flag.END_STREAM);
}
