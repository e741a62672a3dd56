import type { EventEmitter } from 'node:events';
import { IncomingMessage, type ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { startReading } from '../../net/reading.js';
import { wasReset } from '../../net/reset.js';
import { reportConnectionError } from '../connection-errors.js';
import { answerBadRequest, currentResponse, refuseConnection } from './bad-request.js';
import { DepartureProbe } from './departure-probe.js';
import { HeldReading } from './held-reading.js';
import { lingerDiscarding } from './lingering-close.js';
import { answeredServers } from './parse-errors.js';
import { isCutWhole, isEndAfterSplice } from './spliceable-content.js';

/** Number of waiting requests at which a connection is no longer read. */
const MAX_WAITING = 8;

/**
 * Most waiting requests of all connections. Node parses a whole read of up to 64 KiB before reading can stop, and that
 * can contain 2,500 requests. Above the limit, a connection with more than `FAIR_SHARE` of them is closed, since nothing
 * else limits their memory.
 */
const MAX_WAITING_IN_ALL = 10_000;
const FAIR_SHARE = 16;

let waitingInAll = 0;

const connections = new WeakMap<Socket, Http1Connection>();
const watchedServers = new WeakSet<EventEmitter>();

/** The state of a client's HTTP/1 connection beyond a single request. */
export class Http1Connection {
  readonly #socket: Socket;
  #waiting = 0;
  #held: HeldReading | null = null;
  /** Set while the client is not read, so that its departure would go unnoticed. */
  #probe: DepartureProbe | null = null;
  /** The socket belongs to an upgrade, or its input is no longer used. */
  #isOutOfHand = false;
  /** The connection was closed because too many of its requests were waiting. */
  isTurnedAway = false;
  #ignoresRest = false;
  /** A parse error will be answered before the connection closes. */
  #answersError = false;
  #hasEnded = false;
  #last: { request: IncomingMessage; response: ServerResponse } | null = null;
  /** A waiting request whose content turned out to be invalid. */
  #invalid: IncomingMessage | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    connections.set(socket, this);
    // By default, servers of node:https answer an end with an end, and nothing more could be sent.
    socket.allowHalfOpen = true;
    this.#serveAfterEnd();
    socket.once('close', () => {
      this.#held?.giveUp();
      this.#probe?.stop();
      waitingInAll -= this.#waiting;
      this.#waiting = 0;
    });
  }

  /** The connection of a request that Node's server has read; null for requests without a socket. */
  static of({ socket }: { socket: unknown }): Http1Connection | null {
    if (!(socket instanceof Socket)) return null;
    return connections.get(socket) ?? new Http1Connection(socket);
  }

  /** Records a request from the server. */
  add(request: IncomingMessage, response: ServerResponse): void {
    this.#last = { request, response };
    if (response.socket !== null || this.#socket.destroyed) return;
    this.#waiting += 1;
    waitingInAll += 1;
    response.once('socket', this.#onTurn);
    if (waitingInAll > MAX_WAITING_IN_ALL && this.#waiting > FAIR_SHARE) this.#turnAway();
    else if (this.#waiting >= MAX_WAITING) this.#hold();
  }

  /** Whether the response is the last of its connection: the client sends no more requests, or no valid ones. */
  isClosedBy(response: ServerResponse): boolean {
    if (this.#lastRequest !== response.req) return false;
    return this.#hasEnded || (this.#ignoresRest && !this.#answersError);
  }

  /** Whether the content of the request turned out to be invalid while the request was waiting. */
  isInvalid(request: IncomingMessage): boolean {
    return this.#invalid === request;
  }

  /** Whether the client has sent further requests. They are discarded if the connection closes. */
  get hasMore(): boolean {
    return this.#waiting > 0 || this.#ignoresRest;
  }

  /** Hands the socket to an upgrade, which controls reading from now on. */
  handOver(): void {
    this.#isOutOfHand = true;
    this.#stopProbe();
    if (this.#held === null) return;
    this.#held.giveUp();
    this.#held = null;
    startReading(this.#socket);
  }

  /**
   * Handles an error of Node's parser. Returns false if no valid request is running, so that the connection can be refused
   * at once.
   */
  onParseError(error: NodeJS.ErrnoException): boolean {
    if (this.#ignoresRest) return true;
    const last = this.#lastRequest;
    const current = currentResponse(this.#socket);
    if (this.#socket.destroyed || last === null || current === null || isOver(current)) return false;
    // The client has ended its side, and the parser still waits for content that was spliced past it.
    if (isCutWhole(last)) return true;
    if (!last.complete) {
      if (current.req === last) return false;
      this.#invalid = last;
      this.#ignoreRest();
      if (this.#last?.request !== last) void this.#refuseOnTurn(last, error);
      return true;
    }
    this.#ignoreRest();
    // Ignore what follows a request with `Connection: close` (RFC 9112 section 9.6).
    if (error.code === 'HPE_CLOSED_CONNECTION') return true;
    this.#answersError = true;
    void this.#answerAfterOthers(error);
    return true;
  }

  /** Whether the error is only the end of a client whose upload is over. */
  isEndAfterSplice(error: NodeJS.ErrnoException): boolean {
    return isEndAfterSplice(error, this.#lastRequest, currentResponse(this.#socket));
  }

  /** One function per connection, since it is added to each waiting response. */
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

  /** Stops reading requests. The responses to earlier ones are still sent. */
  #ignoreRest(): void {
    const socket = this.#socket;
    this.#hold();
    this.#ignoresRest = true;
    const destroySoon = (): void => {
      this.#discard();
      lingerDiscarding(socket);
    };
    socket.destroySoon = destroySoon;
  }

  /**
   * The latest request that Node has read. The proxy may not have received it yet, or may never receive it. Read from a
   * property that is not public.
   */
  get #lastRequest(): IncomingMessage | null {
    const { parser }: { parser?: { incoming?: unknown } | null } = this.#socket as object;
    const incoming = parser?.incoming;
    return incoming instanceof IncomingMessage ? incoming : (this.#last?.request ?? null);
  }

  /** Refuses a request that the proxy has not received and whose content is not read any more. */
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
   * Lets a client end its side of the connection after its last request (RFC 9112 section 9.6). By default, Node's server
   * then ends its side at once. `httpAllowHalfOpen` prevents that, but for the whole server, so it is set only while the
   * `end` event is emitted.
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
 * Handles parse errors of a server. Otherwise Node's server, and Fastify by default, answer an invalid request at once,
 * in place of the running responses, and close the connection. An application's own listener takes precedence. Without
 * this call, a server is watched from its first request to the proxy on.
 */
export function watchParseErrors(server: EventEmitter): void {
  if (watchedServers.has(server)) return;
  watchedServers.add(server);
  const [existing, ...more] = server.listeners('clientError');
  if (existing !== undefined && (more.length > 0 || existing.name !== DEFAULT_OF_FASTIFY)) return;
  if (existing !== undefined) server.off('clientError', existing as () => void);
  if (existing === undefined) answeredServers.add(server);
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const connection = Http1Connection.of({ socket });
    if (connection?.isEndAfterSplice(error) !== true) reportConnectionError(server, error, socket);
    if (server.listenerCount('clientError') > 1) return;
    if (connection?.onParseError(error) === true) return;
    if (existing === undefined) refuseConnection(socket, error);
    else Reflect.apply(existing, server, [error, socket]);
  });
}

/** The name of Fastify 5's listener if `clientErrorHandler` is not set. */
const DEFAULT_OF_FASTIFY = 'bound defaultClientErrorHandler';

const isOver = (response: ServerResponse): boolean => response.writableFinished || response.destroyed;

/**
 * Waits for the responses to pipelined requests: all, or those before `request`. Returns false if the client has left.
 * If Node does not expose the current response of a socket, assigning another one to the socket throws.
 */
async function takeTurn(socket: Socket, request: IncomingMessage | null = null): Promise<boolean> {
  // Node has removed its own listener.
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

/** Whether the request belongs to a connection that was closed because too many of its requests were waiting. */
export const isTurnedAway = ({ socket }: { socket: unknown }): boolean =>
  socket instanceof Socket && connections.get(socket)?.isTurnedAway === true;

/** Takes over the socket of an upgrade from Node's server, once the responses before it are sent. */
export function takeOver(socket: Socket): Promise<boolean> {
  connections.get(socket)?.handOver();
  return takeTurn(socket);
}

/** Forgets a connection that another server reads from now on. */
export function forgetConnection(socket: Socket): void {
  connections.delete(socket);
}
