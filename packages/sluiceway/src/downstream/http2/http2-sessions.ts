import type { EventEmitter } from 'node:events';
import {
  constants,
  type Http2SecureServer,
  type Http2Server,
  type Http2Session,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import { wasResetHere } from '../../http2/stream.js';
import { initialWindowSettings, tuneServerWindows } from '../../http2/window-tuner.js';
import { FloodGuard } from './flood-guard.js';
import { type SessionLimits, WatchedSession } from './watched-session.js';

/** Streams at a time of one client; RFC 9113 section 6.5.2 advises at least 100, nginx allows 128. */
const MAX_CONCURRENT_STREAMS = 128;

/** Bytes of a request's field section, as nghttp2 counts them (RFC 9113 section 6.5.2). */
const MAX_HEADER_LIST_BYTES = 64 * 1024;

/**
 * What one client may do in `FLOOD_WINDOW_MS`. A client that resets requests as soon as it has sent them makes us work
 * for nothing (CVE-2023-44487), and so does one that has us reset them (CVE-2025-8671). A proxy in front of us resets many
 * streams for many users, so only unfinished work counts: a request without an answer that was open for less than
 * `MIN_OPEN_MS`, and each request that is answered takes one such back. `MAX_CONCURRENT_STREAMS` limits the others, as in
 * nginx and Go. A client changes its settings a handful of times.
 */
const FLOOD_WINDOW_MS = 10_000;
const MAX_RESETS = 400;
const MIN_OPEN_MS = 1000;
const MAX_SETTINGS = 100;
const MAX_PINGS = 1000;

/**
 * Prepares a server of `node:http2` for long transfers and for clients that mean ill: windows that grow for a fast
 * upload, WebSockets (RFC 8441), and an end for connections that flood, idle or are dead. To be called before it
 * listens.
 */
export function superviseSessions(server: Http2Server | Http2SecureServer, limits: SessionLimits): void {
  server.updateSettings({
    ...initialWindowSettings,
    enableConnectProtocol: true,
    maxConcurrentStreams: MAX_CONCURRENT_STREAMS,
    maxHeaderListSize: MAX_HEADER_LIST_BYTES,
  });
  const watch = new SessionWatch(limits);
  // A session keeps its socket to itself. Node makes it while it tells of the socket.
  let socket: Socket | null = null;
  const events: EventEmitter = server;
  for (const event of ['connection', 'secureConnection'])
    events.prependListener(event, (accepted: Socket) => {
      socket = accepted;
    });
  server.on('session', (session: ServerHttp2Session) => {
    tuneServerWindows(session);
    if (socket !== null) watch.add(session, socket);
    limitFloods(session);
  });
}

/** What a connection holds of content that its client has not taken. */
export interface SessionQueue {
  bytes: number;
}

const queues = new WeakMap<Http2Session, SessionQueue>();

/** The queue that the streams of a connection share. */
export function sessionQueue({ session }: ServerHttp2Stream): SessionQueue {
  const known = session && queues.get(session);
  if (known !== undefined) return known;
  const queue = { bytes: 0 };
  if (session !== undefined) queues.set(session, queue);
  return queue;
}

/** All connections of a server. */
class SessionWatch {
  readonly #limits: SessionLimits;
  readonly #sessions = new Set<WatchedSession>();
  #timer: NodeJS.Timeout | null = null;

  constructor(limits: SessionLimits) {
    this.#limits = limits;
  }

  add(session: ServerHttp2Session, socket: Socket): void {
    const one = new WatchedSession(session, socket, performance.now());
    this.#sessions.add(one);
    session.on('stream', (stream) => {
      one.streamOpened();
      stream.once('close', () => one.streamClosed());
    });
    socket.once('close', () => {
      this.#sessions.delete(one);
      if (this.#sessions.size === 0) this.#stop();
    });
    this.#timer ??= setInterval(() => this.#check(), this.#limits.tickMs).unref();
  }

  #check(): void {
    const now = performance.now();
    for (const each of this.#sessions) each.check(now, this.#limits);
  }

  #stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}

/** Ends a connection whose client keeps us busy with frames that carry nothing (RFC 9113 section 10.5). */
function limitFloods(session: ServerHttp2Session): void {
  const end = (): void =>
    session.destroy(new Error('The client floods'), constants.NGHTTP2_ENHANCE_YOUR_CALM);
  const resets = new FloodGuard(MAX_RESETS, FLOOD_WINDOW_MS, end);
  const settings = new FloodGuard(MAX_SETTINGS, FLOOD_WINDOW_MS, end);
  const pings = new FloodGuard(MAX_PINGS, FLOOD_WINDOW_MS, end);
  session.on('stream', (stream) => {
    const openedAt = performance.now();
    stream.once('close', () => {
      if (stream.headersSent) resets.credit();
      else if (!wasResetHere(stream) && performance.now() - openedAt < MIN_OPEN_MS) resets.count();
    });
  });
  session.on('remoteSettings', () => settings.count());
  session.on('ping', () => pings.count());
}
