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

/** Concurrent streams of one client. RFC 9113 section 6.5.2 recommends at least 100, nginx allows 128. */
const MAX_CONCURRENT_STREAMS = 128;

/** Most bytes of a request's field section, as nghttp2 counts them (RFC 9113 section 6.5.2). */
const MAX_HEADER_LIST_BYTES = 64 * 1024;

/**
 * The limits of one client per `FLOOD_WINDOW_MS`. A client that resets requests as soon as it has sent them causes
 * useless work (CVE-2023-44487), and so does one that provokes resets (CVE-2025-8671). A proxy in front of us may reset
 * many streams for many users, so only unanswered requests that were open for less than `MIN_OPEN_MS` count, and each
 * answered request takes one back. `MAX_CONCURRENT_STREAMS` limits the others, as in nginx and Go. Ordinary clients
 * change their settings a few times at most.
 */
const FLOOD_WINDOW_MS = 10_000;
const MAX_RESETS = 400;
const MIN_OPEN_MS = 1000;
const MAX_SETTINGS = 100;
const MAX_PINGS = 1000;

/**
 * Prepares a `node:http2` server for long transfers and hostile clients: lets windows grow for fast uploads, enables
 * WebSockets (RFC 8441), and closes connections that flood, are idle, or are dead. Call it before the server listens.
 */
export function superviseSessions(server: Http2Server | Http2SecureServer, limits: SessionLimits): void {
  server.updateSettings({
    ...initialWindowSettings,
    enableConnectProtocol: true,
    maxConcurrentStreams: MAX_CONCURRENT_STREAMS,
    maxHeaderListSize: MAX_HEADER_LIST_BYTES,
  });
  const watch = new SessionWatch(limits);
  // A session does not expose its socket. Node creates the session while it emits the event with the socket.
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

/** The content bytes of a connection that its client has not taken. */
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

/** Watches all connections of a server. */
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

/** Ends a connection whose client sends too many frames that only cause work (RFC 9113 section 10.5). */
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
