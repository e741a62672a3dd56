import { type AddressInfo, createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatAddress, isInherited, type ListenAddress, toListenError } from './address.js';
import { ChallengeGate } from './challenge-gate.js';
import { acceptFailure, type OnConnectionFailure } from './connection-failure.js';
import { FIRST_REQUEST_MS } from './connections.js';
import { takeDescriptor } from './inherited.js';
import { keyOf, ProtocolServer, type ProtocolSettings } from './protocol-server.js';
import { ProxyProtocolGate, type ProxyProtocolSettings } from './proxy-protocol-gate.js';
import { removeStaleSocket, setMode, withMode } from './unix-socket.js';

export interface ListenerPlace {
  address: ListenAddress;
  /** Permissions of a Unix socket. Null: those that the umask leaves. */
  mode: number | null;
  /** Whether other workers listen on the address, too. The primary process then binds it. Default false. */
  isShared?: boolean;
  /**
   * Called for connections that fail before they become a transfer: not accepted for lack of file descriptors, refused
   * before their protocol began, or broken by the client. The listener continues.
   */
  onConnectionFailure: OnConnectionFailure;
}

/** The settings of a listener that can change while it listens. */
export interface ListenerSettings extends ProtocolSettings {
  /** Null: connections begin with their own protocol. */
  proxyProtocol: ProxyProtocolSettings | null;
}

/**
 * Accepts connections and passes them to a Node server that does not listen itself. So the settings of a listener can
 * change while it listens, even from HTTP to HTTPS, and no connection is refused meanwhile.
 *
 * Code that has to see the bytes of a connection before its protocol, as PROXY protocol does, belongs in `#take`.
 */
export class Listener {
  readonly options: ListenerPlace;
  readonly #acceptor: Server;
  #mode: number | null;
  #settings: ListenerSettings;
  #current: ProtocolServer;
  readonly #gate: ProxyProtocolGate;
  readonly #challenges = new ChallengeGate((socket) => this.#current.take(socket));
  /** Servers that get no more connections, but still have some. */
  readonly #former = new Set<ProtocolServer>();

  constructor(options: ListenerPlace, settings: ListenerSettings) {
    this.options = options;
    this.#mode = options.mode;
    this.#settings = settings;
    this.#current = new ProtocolServer(settings, this.options.onConnectionFailure);
    this.#gate = new ProxyProtocolGate((socket) => this.#begin(socket), options.onConnectionFailure);
    this.#acceptor = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#take(socket));
  }

  /** The URL of the listener, with its actual port. */
  get url(): string {
    const { address } = this.options;
    const scheme = this.#settings.tls === null ? 'http' : 'https';
    const { bound } = this;
    // A Unix socket of another process has no address that Node knows.
    if ('path' in address || bound === null) return formatAddress(address);
    const host = isInherited(address) || address.host === '' ? bound.address : address.host;
    return `${scheme}://${formatAddress({ host, port: bound.port })}`;
  }

  /** The address and port that it is bound to; null for a Unix socket, and while it does not listen. */
  get bound(): AddressInfo | null {
    const address = this.#acceptor.address();
    return typeof address === 'object' ? address : null;
  }

  /** The number of open connections. */
  get connections(): number {
    const servers = [this.#current, ...this.#former];
    return servers.reduce(
      (sum, { connections }) => sum + connections.size,
      this.#gate.size + this.#challenges.size,
    );
  }

  /** Rejects with a `ListenError`. */
  async open(): Promise<void> {
    const { address, mode, isShared = false, onConnectionFailure } = this.options;
    if ('path' in address && !isShared) await removeStaleSocket(address.path);
    const where = toListenOptions(address);
    await new Promise<void>((resolve, reject) => {
      const refuse = (error: NodeJS.ErrnoException) => reject(toListenError(error, address));
      this.#acceptor.once('error', refuse);
      withMode('path' in address ? mode : null, () =>
        this.#acceptor.listen(where, () => {
          this.#acceptor.off('error', refuse);
          this.#acceptor.on('error', (error) => onConnectionFailure(acceptFailure(error)));
          resolve();
        }),
      );
    });
    if ('path' in address) setMode(address.path, mode);
  }

  /** Serves new requests with other settings. Open connections stay open while requests run on them. */
  update(settings: ListenerSettings, mode: number | null): void {
    const { address } = this.options;
    if ('path' in address && mode !== this.#mode) setMode(address.path, mode);
    this.#mode = mode;
    this.#settings = settings;
    if (keyOf(settings) === this.#current.key) {
      this.#current.update(settings);
      return;
    }
    const former = this.#current;
    this.#current = new ProtocolServer(settings, this.options.onConnectionFailure);
    this.#former.add(former);
    former.serve(settings.handler);
    void former.close().then(() => this.#former.delete(former));
  }

  /**
   * Accepts no more connections, and closes open ones when they become idle. Resolves when all are closed. Calls `onSettled`
   * when the connections that were accepted last have brought their first request, or will not bring one.
   */
  async close(onSettled = (): void => {}): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#acceptor.close(() => resolve());
    });
    const servers = [this.#current, ...this.#former];
    const allClosed = servers.map((server) => server.close());
    if (this.#gate.size + this.#challenges.size > 0) await sleep(FIRST_REQUEST_MS);
    this.#gate.destroy();
    this.#challenges.destroy();
    await Promise.all(servers.map(({ connections }) => connections.settled));
    onSettled();
    await Promise.all([closed, ...allClosed]);
  }

  /** Ends every connection now. */
  destroy(): void {
    this.#acceptor.close(() => {});
    this.#gate.destroy();
    this.#challenges.destroy();
    for (const { connections } of [this.#current, ...this.#former]) connections.destroy();
  }

  #take(socket: Socket): void {
    const { proxyProtocol } = this.#settings;
    if (proxyProtocol === null) this.#begin(socket);
    else this.#gate.take(socket, proxyProtocol);
  }

  #begin(socket: Socket): void {
    const answer = this.#settings.tls?.answerChallenge;
    if (answer === undefined) this.#current.take(socket);
    else this.#challenges.take(socket, answer);
  }
}

function toListenOptions(address: ListenAddress): ListenOptions {
  if ('path' in address) return { path: address.path };
  // Node has a member for it that its types lack.
  if (isInherited(address)) return { fd: takeDescriptor(address) } as ListenOptions;
  const { host, port } = address;
  return { port, ...(host !== '' && { host }) };
}
