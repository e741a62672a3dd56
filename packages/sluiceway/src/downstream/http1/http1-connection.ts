import type { EventEmitter } from 'node:events';
import { IncomingMessage, type ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { startReading } from '../../net/reading.js';
import { wasReset } from '../../net/reset.js';
import { answerBadRequest, currentResponse, refuseConnection } from './bad-request.js';
import { DepartureProbe } from './departure-probe.js';
import { HeldReading } from './held-reading.js';
import { lingerDiscarding } from './lingering-close.js';
import { answeredServers } from './parse-errors.js';
import { isCutWhole } from './spliceable-content.js';

/** Requests of one connection that may wait for their turn before no more of it is read. */
const MAX_WAITING = 8;

/**
 * Requests of all connections that may wait. Node parses what one read has brought, up to 64 KiB, before reading can
 * stop, and that can be 2,500 requests. Beyond this a connection that has more than its share of them is closed, as
 * the memory of all of them together has no other limit.
 */
const MAX_WAITING_IN_ALL = 10_000;
const FAIR_SHARE = 16;

let waitingInAll = 0;

const connections = new WeakMap<Socket, Http1Connection>();
const watchedServers = new WeakSet<EventEmitter>();

/** What the data path has to know of an HTTP/1 connection of a client, and does for it, beyond a single request. */
export class Http1Connection {
  readonly #socket: Socket;
  #waiting = 0;
  #held: HeldReading | null = null;
  /** While nothing can be read of the client, and so not that it leaves. */
  #probe: DepartureProbe | null = null;
  /** The socket belongs to an upgrade, or its input is of no use any more. */
  #isOutOfHand = false;
  /** Closed for the many requests that it had waiting. */
  isTurnedAway = false;
  #ignoresRest = false;
  /** The connection does not close before that is answered. */
  #answersError = false;
  #hasEnded = false;
  #last: { request: IncomingMessage; response: ServerResponse } | null = null;
  /** A request that waits for its turn, and whose content turned out to be invalid. */
  #invalid: IncomingMessage | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    connections.set(socket, this);
    // Servers of node:https answer an end by an end, and nothing more could be sent.
    socket.allowHalfOpen = true;
    this.#serveAfterEnd();
    socket.once('close', () => {
      this.#held?.giveUp();
      this.#probe?.stop();
      waitingInAll -= this.#waiting;
      this.#waiting = 0;
    });
  }

  /** That of a request which Node's server has read; null for requests that came by no connection. */
  static of({ socket }: { socket: unknown }): Http1Connection | null {
    if (!(socket instanceof Socket)) return null;
    return connections.get(socket) ?? new Http1Connection(socket);
  }

  /** Notes a request that the server has handed over. */
  add(request: IncomingMessage, response: ServerResponse): void {
    this.#last = { request, response };
    if (response.socket !== null || this.#socket.destroyed) return;
    this.#waiting += 1;
    waitingInAll += 1;
    response.once('socket', this.#onTurn);
    if (waitingInAll > MAX_WAITING_IN_ALL && this.#waiting > FAIR_SHARE) this.#turnAway();
    else if (this.#waiting >= MAX_WAITING) this.#hold();
  }

  /** Whether the response is the last of its connection: the client sends no more requests, or none that are valid. */
  isClosedBy(response: ServerResponse): boolean {
    if (this.#lastRequest !== response.req) return false;
    return this.#hasEnded || (this.#ignoresRest && !this.#answersError);
  }

  /** The content of the request has turned out to be invalid before its turn came. */
  isInvalid(request: IncomingMessage): boolean {
    return this.#invalid === request;
  }

  /** Requests that the client has sent behind the one at hand will not be served: they are dropped, not reset. */
  get hasMore(): boolean {
    return this.#waiting > 0 || this.#ignoresRest;
  }

  /** For an upgrade: whoever gets the socket decides on its reading from now on. */
  handOver(): void {
    this.#isOutOfHand = true;
    this.#stopProbe();
    if (this.#held === null) return;
    this.#held.giveUp();
    this.#held = null;
    startReading(this.#socket);
  }

  /**
   * What the parser of Node's server says of bytes that are no request. Returns false where no valid request is under
   * way, so that the connection can be refused at once.
   */
  onParseError(error: NodeJS.ErrnoException): boolean {
    if (this.#ignoresRest) return true;
    const last = this.#lastRequest;
    const current = currentResponse(this.#socket);
    if (this.#socket.destroyed || last === null || current === null || isOver(current)) return false;
    // The client has ended its side while the parser waits for content that has gone past it.
    if (isCutWhole(last)) return true;
    if (!last.complete) {
      if (current.req === last) return false;
      this.#invalid = last;
      this.#ignoreRest();
      if (this.#last?.request !== last) void this.#refuseOnTurn(last, error);
      return true;
    }
    this.#ignoreRest();
    // What follows a request with `Connection: close` is of no interest (RFC 9112 section 9.6).
    if (error.code === 'HPE_CLOSED_CONNECTION') return true;
    this.#answersError = true;
    void this.#answerAfterOthers(error);
    return true;
  }

  /** One for the connection, since it is called for each request that waits. */
  readonly #onTurn = (): void => {
    this.#waiting -= 1;
    waitingInAll -= 1;
    if (this.#waiting > 0 || this.#held === null || this.#ignoresRest) return;
    this.#held.release();
    this.#held = null;
    if (!this.#hasEnded) this.#stopProbe();
  };

  #hold(): void {
    if (this.#isOutOfHand || this.#held !== null) return;
    this.#held = new HeldReading(this.#socket);
    this.#probe ??= new DepartureProbe(this.#socket, null);
  }

  #stopProbe(): void {
    this.#probe?.stop();
    this.#probe = null;
  }

  #turnAway(): void {
    this.isTurnedAway = true;
    this.#socket.destroy();
  }

  /** No request that is valid can follow; the responses to the earlier ones go out all the same. */
  #ignoreRest(): void {
    const socket = this.#socket;
    this.#hold();
    this.#ignoresRest = true;
    socket.destroySoon = () => {
      this.#discard();
      lingerDiscarding(socket);
    };
  }

  /**
   * The latest request that Node has read, which the proxy may not have been given, or not yet. Which one that is, is not
   * public.
   */
  get #lastRequest(): IncomingMessage | null {
    const { parser }: { parser?: { incoming?: unknown } | null } = this.#socket as object;
    const incoming = parser?.incoming;
    return incoming instanceof IncomingMessage ? incoming : (this.#last?.request ?? null);
  }

  /** For a request whose content nobody reads any more, and that the proxy does not have. */
  async #refuseOnTurn(request: IncomingMessage, error: NodeJS.ErrnoException): Promise<void> {
    if (await takeTurn(this.#socket, request)) refuseConnection(this.#socket, error);
  }

  async #answerAfterOthers(error: NodeJS.ErrnoException): Promise<void> {
    if (!(await takeTurn(this.#socket))) return;
    answerBadRequest(this.#socket, error);
    this.#socket.destroySoon();
  }

  #discard(): void {
    this.#isOutOfHand = true;
    this.#held?.giveUp();
    this.#held = null;
  }

  /**
   * A client may end its side of the connection after its last request (RFC 9112 section 9.6). Node's server ends its
   * own at once then, unless it is told otherwise by a switch for the whole server, which other listeners may use.
   */
  #serveAfterEnd(): void {
    const socket = this.#socket;
    const { server }: { server?: EventEmitter & { httpAllowHalfOpen?: boolean | undefined } } =
      socket as object;
    if (server === undefined) return;
    watchParseErrors(server);
    let before: boolean | undefined;
    let isSwitched = false;
    socket.prependOnceListener('end', () => {
      if (this.#last === null || isOver(this.#last.response)) return;
      // A reset that arrives together with the request looks like an end.
      if (wasReset(socket)) {
        socket.destroy();
        return;
      }
      this.#hasEnded = true;
      const { response } = this.#last;
      this.#stopProbe();
      this.#probe = new DepartureProbe(socket, response.headersSent ? response : null);
      isSwitched = true;
      before = server.httpAllowHalfOpen;
      server.httpAllowHalfOpen = true;
    });
    socket.once('end', () => {
      if (isSwitched) server.httpAllowHalfOpen = before;
    });
  }
}

/**
 * Node's server answers what is no request at once, in place of the responses that are under way, and closes the
 * connection. So does the default of Fastify. A listener of the application's own has precedence. Servers are watched from
 * the first request that the proxy has of them, which may come to it late, unless this is called before.
 */
export function watchParseErrors(server: EventEmitter): void {
  if (watchedServers.has(server)) return;
  watchedServers.add(server);
  const [existing, ...more] = server.listeners('clientError');
  if (existing !== undefined && (more.length > 0 || existing.name !== DEFAULT_OF_FASTIFY)) return;
  if (existing !== undefined) server.off('clientError', existing as () => void);
  if (existing === undefined) answeredServers.add(server);
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (server.listenerCount('clientError') > 1) return;
    if (Http1Connection.of({ socket })?.onParseError(error) === true) return;
    if (existing === undefined) refuseConnection(socket, error);
    else Reflect.apply(existing, server, [error, socket]);
  });
}

/** The name of the listener of Fastify 5, where `clientErrorHandler` is not set. */
const DEFAULT_OF_FASTIFY = 'bound defaultClientErrorHandler';

const isOver = (response: ServerResponse): boolean => response.writableFinished || response.destroyed;

/**
 * Waits for the responses to requests that the client has pipelined before: all, or those before `request`. False where
 * the client is gone. Where it cannot be seen which response a socket has, giving the socket another one throws.
 */
async function takeTurn(socket: Socket, request: IncomingMessage | null = null): Promise<boolean> {
  // Node has taken its own listener away.
  socket.on('error', () => {});
  for (;;) {
    const earlier = currentResponse(socket);
    if (socket.destroyed || earlier === null || earlier.req === request) return !socket.destroyed;
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        earlier.off('close', settle);
        socket.off('close', settle);
        resolve();
      };
      earlier.once('close', settle);
      socket.once('close', settle);
    });
  }
}

/** Whether the request is of a connection that was closed for the many that it had waiting: it is not worth a look. */
export const isTurnedAway = ({ socket }: { socket: unknown }): boolean =>
  socket instanceof Socket && connections.get(socket)?.isTurnedAway === true;

/** Takes the socket of an upgrade over from Node's server, once the responses before it are out. */
export function takeOver(socket: Socket): Promise<boolean> {
  connections.get(socket)?.handOver();
  return takeTurn(socket);
}

/** For a connection that another server reads from now on. */
export function forgetConnection(socket: Socket): void {
  connections.delete(socket);
}
