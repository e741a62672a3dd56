import { type AgentOptions, type ClientRequestArgs, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent, type RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { type GuardedConnectOptions, GuardedDialer } from './guarded-dialer.js';

/** The connection pooling options of Node's agents. */
type PoolOptions = Pick<
  AgentOptions,
  'keepAlive' | 'keepAliveMsecs' | 'maxSockets' | 'maxTotalSockets' | 'maxFreeSockets' | 'scheduling'
>;

export interface GuardedAgentOptions extends GuardedConnectOptions {
  /** As for Node's own agents: `keepAlive`, `maxSockets` and so on. */
  pool?: PoolOptions;
}

type Callback = (error: Error | null, stream: Duplex) => void;

/**
 * An agent for `http.request` that connects only to public addresses, literal ones included. It ignores a request's
 * `lookup`, `family` and `localAddress`, and refuses Unix sockets.
 */
export class GuardedAgent extends HttpAgent {
  readonly #dialer: GuardedDialer;

  constructor({ pool, ...options }: GuardedAgentOptions = {}) {
    super(pool);
    this.#dialer = new GuardedDialer('GuardedAgent', options);
  }

  override createConnection(options: ClientRequestArgs, callback?: Callback): undefined {
    connect(this.#dialer, 'http:', options, callback);
  }
}

/**
 * An agent for `https.request` that connects only to public addresses. It ignores a request's `ca` and
 * `rejectUnauthorized`: it always verifies certificates by the host name, with the trust settings of the agent.
 */
export class GuardedHttpsAgent extends HttpsAgent {
  readonly #dialer: GuardedDialer;

  constructor({ pool, ...options }: GuardedAgentOptions = {}) {
    super(pool);
    this.#dialer = new GuardedDialer('GuardedHttpsAgent', options);
  }

  override createConnection(options: RequestOptions, callback?: Callback): undefined {
    connect(this.#dialer, 'https:', options, callback);
  }
}

function connect(
  dialer: GuardedDialer,
  protocol: 'http:' | 'https:',
  { host, hostname, port, socketPath, servername }: RequestOptions,
  callback: Callback | undefined,
): void {
  const wanted = {
    protocol,
    hostname: host ?? hostname ?? 'localhost',
    port: Number(port ?? (protocol === 'https:' ? 443 : 80)),
    servername,
    socket: socketPath,
  };
  dialer.connect(wanted, (error, socket) => {
    // Node reads the stream only if there is no error, but its type does not allow null.
    callback?.(error, socket as Duplex);
  });
}
