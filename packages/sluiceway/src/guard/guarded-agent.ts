import { type AgentOptions, type ClientRequestArgs, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent, type RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { type GuardedConnectOptions, GuardedDialer } from './guarded-dialer.js';

/** What Node's agents may be told about keeping connections. */
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
 * An agent for `http.request` that connects to public addresses only, literal ones included. What a request says of
 * `lookup`, `family` or `localAddress` is not looked at; Unix sockets are refused.
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
 * The same for `https.request`. What a request says of `ca` or `rejectUnauthorized` is not looked at: certificates are
 * verified, by the name, with what the agent has been told to trust.
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
    // Node looks at the stream only where there is no error; its type says nothing of that.
    callback?.(error, socket as Duplex);
  });
}
