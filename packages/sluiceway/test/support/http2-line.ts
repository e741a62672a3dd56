import type { Network } from './fixture.js';
import type { FrameClientOptions, FramesClient } from './frames-client.js';
import type { Http2Client } from './http2-client.js';
import type { OriginScript, RawOrigin } from './raw-origin.js';
import type { Http2Listening, ProxyOptions, RunningProxy } from './servers.js';

export interface Http2Line {
  origin: RawOrigin;
  running: RunningProxy;
}

export interface Http2LineOptions extends Omit<ProxyOptions, 'upstream'> {
  /** Default h2c. */
  over?: Http2Listening;
}

/** A proxy for HTTP/2 clients and an origin server in line. */
export async function serveHttp2(
  net: Network,
  script: OriginScript,
  { over = 'h2c', ...options }: Http2LineOptions = {},
): Promise<Http2Line> {
  const origin = await net.origin(script);
  const running = await net.proxy({ upstream: origin.url, ...options }, { http2: over });
  return { origin, running };
}

/** The same with Node's client. */
export async function http2Line(
  net: Network,
  script: OriginScript,
  options: Http2LineOptions = {},
): Promise<Http2Line & { client: Http2Client }> {
  const line = await serveHttp2(net, script, options);
  return { ...line, client: await net.http2(line.running) };
}

/** The same with a client at the level of frames. */
export async function framesLine(
  net: Network,
  script: OriginScript,
  { frames: frameOptions, ...options }: Http2LineOptions & { frames?: FrameClientOptions } = {},
): Promise<Http2Line & { frames: FramesClient }> {
  const line = await serveHttp2(net, script, options);
  return { ...line, frames: await net.frames(line.running, frameOptions) };
}
