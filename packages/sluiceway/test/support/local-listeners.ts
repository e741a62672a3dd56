import { type AddressInfo, createServer, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';

export interface LocalListeners {
  /** The port at which every address of this machine has a listener. */
  readonly port: number;
  /** Number of connections to any of them. */
  readonly connections: number;
  stop(): Promise<void>;
}

/** Listens on every address at one free port, and on as many as possible at ports 80 and 443. */
export async function listenEverywhere(): Promise<LocalListeners> {
  let connections = 0;
  const listen = (host: string, port: number): Promise<Server | null> =>
    new Promise((resolve) => {
      const server = createServer((socket) => {
        connections += 1;
        socket.destroy();
      });
      // The port is in use, or not permitted.
      server.once('error', () => resolve(null));
      server.listen(port, host, () => resolve(server));
    });

  const all = (await listen('::', 0)) ?? (await listen('0.0.0.0', 0));
  if (all === null) throw new Error('There is no address to listen on');
  const own = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const hosts = ['127.0.0.2', '127.127.127.127', '127.255.255.254', ...own.map(({ address }) => address)];
  const more = await Promise.all([80, 443].flatMap((port) => hosts.map((host) => listen(host, port))));
  const servers = [all, ...more.filter((server) => server !== null)];
  return {
    port: (all.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    async stop() {
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}
