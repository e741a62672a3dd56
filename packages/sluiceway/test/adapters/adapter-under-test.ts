import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import type { Handler, NodeServer, Streamer, StreamFromOptions } from '../../src/index.js';

/** An application as the tests want one, however its framework makes it. */
export interface AppUnderTest {
  /** Serves all requests below `path`. Absent where `streamFrom` does. */
  handler?: Handler;
  /** Where the handler is mounted, in the framework's way. Default: at all paths. */
  path?: string;
  /** Options of the adapter. */
  options?: { errors?: 'throw' | 'answer'; reuseParsedBody?: boolean };
  /** In place of a handler: a route that answers with this URL. */
  streamFrom?: { url: string; options: StreamFromOptions | Streamer };
  /** Stands before: parsers of JSON and of forms, the framework's usual ones. */
  parsesBody?: boolean;
  /** The framework believes the forwarding fields of its peer. */
  trustsProxies?: boolean;
  /** Stands before: something that notes who the user is, where authentication of the framework does. */
  user?: string;
  /** Stands before: something that answers `418` with `early`, and goes on to the handler nonetheless. */
  answersFirst?: boolean;
  /** Something beside the handler, which is given what answers `503` with `late` when it is called. */
  givesUp?(answer: () => void): void;
  /** Upgrades are served too, in the framework's way. */
  upgrades?: boolean;
  /**
   * What the framework's error handler is told; it then answers with `error.status` and `handled: ${error.message}`.
   * Absent: the framework's own handler answers.
   */
  onError?(error: unknown): void;
}

/** What an adapter can be asked for; the tests of what it cannot are not there. */
export type Feature =
  | 'error-handler'
  | 'parsed-body'
  | 'trust-proxy'
  | 'context'
  | 'mount'
  | 'middleware'
  | 'upgrade'
  | 'trailers'
  /** Field lines pass as they are spelled and repeated. */
  | 'field-lines'
  /** The handler learns where it listens. */
  | 'own-listener'
  | 'streamFrom';

export interface RunningApp {
  readonly port: number;
  /** What clients have to trust, where it speaks TLS. */
  readonly ca?: string;
  /** Stops listening and closes what is open. */
  close(): Promise<void>;
}

/** One framework in one version, and how an application is written with it. */
export interface AdapterUnderTest {
  name: string;
  /** What it has not; the default is that it has everything. */
  lacks?: readonly Feature[];
  start(app: AppUnderTest): Promise<RunningApp>;
  /** The user that `app.user` has named, as hooks find it in `request.context`. */
  userOf?(context: unknown): unknown;
}

/** Listens on a free port of the loopback interface. */
export async function listen(server: NodeServer): Promise<RunningApp> {
  const sockets = new Set<Socket>();
  const events: NetServer = server;
  events.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** What an error handler of an application sends. */
export function describeError(error: unknown): { status: number; text: string } {
  const { status = 500, message = '' } = error as { status?: number; message?: string };
  return { status, text: `handled: ${message}` };
}
