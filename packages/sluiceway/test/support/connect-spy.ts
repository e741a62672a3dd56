import { createServer } from 'node:net';
import { constants } from 'node:os';

/** Sees every connection that this process opens, below all code that decides about it. */
export interface ConnectSpy {
  /** `address port` of each connection, or the path of a Unix socket, as passed to the operating system. */
  readonly seen: string[];
  /** Connections that the test itself opens during the call are neither recorded nor refused. */
  unseen<T>(connect: () => Promise<T>): Promise<T>;
  stop(): void;
}

type Connect = (request: object, address: string, port: number) => number;
type Handle = Record<'connect' | 'connect6', Connect>;

/** The class of handles of one kind of socket. All connections pass only there in Node. */
async function prototypeOf(where: { port: number; host: string } | { path: string }): Promise<Handle> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(where, resolve));
  const { _handle: handle } = server as unknown as { _handle: object };
  const prototype = Object.getPrototypeOf(handle) as Handle;
  await new Promise((resolve) => server.close(resolve));
  return prototype;
}

/**
 * Watches TCP and Unix socket connections. Opens only those for which `permits` returns true, and refuses the others as a
 * closed port does.
 */
export async function watchConnects(permits: (seen: string) => boolean): Promise<ConnectSpy> {
  const seen: string[] = [];
  const undo: (() => void)[] = [];
  let watching = true;
  const watch = (prototype: Handle, name: keyof Handle): void => {
    const original = prototype[name];
    if (original === undefined) return;
    prototype[name] = function connect(this: Handle, request, ...to): number {
      if (!watching) return original.call(this, request, ...to);
      const place = to.filter((each) => typeof each !== 'object').join(' ');
      seen.push(place);
      return permits(place) ? original.call(this, request, ...to) : -constants.errno.ECONNREFUSED;
    };
    undo.push(() => {
      prototype[name] = original;
    });
  };
  const tcp = await prototypeOf({ port: 0, host: '127.0.0.1' });
  watch(tcp, 'connect');
  watch(tcp, 'connect6');
  watch(await prototypeOf({ path: `\0sluiceway-${process.pid}` }), 'connect');

  return {
    seen,
    async unseen(connect) {
      watching = false;
      try {
        return await connect();
      } finally {
        watching = true;
      }
    },
    stop() {
      for (const each of undo) each();
    },
  };
}
