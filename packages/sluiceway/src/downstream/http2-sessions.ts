import {
  constants,
  type Http2SecureServer,
  type Http2Server,
  type Http2Session,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { initialWindowSettings, tuneServerWindows } from '../stream/window-tuner.js';
import { FloodGuard } from './flood-guard.js';

/** Streams at a time of one client; RFC 9113 section 6.5.2 advises at least 100, nginx allows 128. */
const MAX_CONCURRENT_STREAMS = 128;

/** Bytes of a request's field section, as nghttp2 counts them (RFC 9113 section 6.5.2). */
const MAX_HEADER_LIST_BYTES = 64 * 1024;

/**
 * What one client may do in `FLOOD_WINDOW_MS`. A browser that seeks in a video resets a few streams a second; who
 * resets hundreds makes us work for nothing (CVE-2023-44487). A client changes its settings a handful of times.
 */
const FLOOD_WINDOW_MS = 10_000;
const MAX_RESETS = 400;
const MAX_SETTINGS = 100;
const MAX_PINGS = 1000;

/**
 * Prepares a server of `node:http2` for long transfers and for clients that mean ill: windows that grow for a fast
 * upload, WebSockets (RFC 8441), and an end for connections that flood or idle. To be called before it listens.
 */
export function superviseSessions(server: Http2Server | Http2SecureServer, idleTimeoutMs: number): void {
  server.updateSettings({
    ...initialWindowSettings,
    enableConnectProtocol: true,
    maxConcurrentStreams: MAX_CONCURRENT_STREAMS,
    maxHeaderListSize: MAX_HEADER_LIST_BYTES,
  });
  server.on('session', (session: ServerHttp2Session) => {
    tuneServerWindows(session);
    limitFloods(session);
    closeWhenIdle(session, idleTimeoutMs);
  });
}

const counts = new WeakMap<Http2Session, { streams: number }>();

/** How many streams the stream's connection has open; Infinity where nobody counts them. */
export function openStreams(stream: ServerHttp2Stream): number {
  const count = stream.session === undefined ? undefined : counts.get(stream.session);
  return count?.streams ?? Number.POSITIVE_INFINITY;
}

/** Ends a connection whose client keeps us busy with frames that carry nothing (RFC 9113 section 10.5). */
function limitFloods(session: ServerHttp2Session): void {
  const end = (): void => session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  const resets = new FloodGuard(MAX_RESETS, FLOOD_WINDOW_MS, end);
  const settings = new FloodGuard(MAX_SETTINGS, FLOOD_WINDOW_MS, end);
  const pings = new FloodGuard(MAX_PINGS, FLOOD_WINDOW_MS, end);
  session.on('stream', (stream) => stream.once('aborted', () => resets.count()));
  session.on('remoteSettings', () => settings.count());
  session.on('ping', () => pings.count());
}

/**
 * Closes a connection that has had no stream for a while. A field section that never ends makes no stream, so this
 * is also the limit for slow senders of heads.
 */
function closeWhenIdle(session: ServerHttp2Session, idleTimeoutMs: number): void {
  let timer: NodeJS.Timeout | null = null;
  const arm = (): void => {
    timer = setTimeout(() => session.close(), idleTimeoutMs);
    timer.unref();
  };
  const disarm = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
  arm();
  const count = { streams: 0 };
  counts.set(session, count);
  session.on('stream', (stream) => {
    count.streams += 1;
    disarm();
    stream.once('close', () => {
      count.streams -= 1;
      if (count.streams === 0 && !session.closed) arm();
    });
  });
  session.once('close', disarm);
}
