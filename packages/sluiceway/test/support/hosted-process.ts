import { AsyncLocalStorage } from 'node:async_hooks';
import { Console } from 'node:console';
import { subscribe } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import type { Server, Socket } from 'node:net';
import { Writable } from 'node:stream';

/** How a process ended: its exit code, or the signal that killed it. */
export type Exit = number | NodeJS.Signals;

const current = new AsyncLocalStorage<HostedProcess>();
const running: HostedProcess[] = [];
let isInstalled = false;

/**
 * The hosted process that the running code belongs to. Node loses that for the socket of an upgrade, for example: such
 * code is that of the last process to start.
 */
const writer = (): HostedProcess | undefined => current.getStore() ?? running.at(-1);

/**
 * Code that believes to be a process of its own and runs in this one, because a start of Node.js with the library costs
 * half a second of processor time. What the code does with `process.stdout`, `process.stderr`, `process.exit`, warnings
 * and listeners for signals is kept apart from this process and from other hosted ones. So is what it serves: `kill`
 * closes its servers and their connections.
 *
 * It shares the modules and the environment of this process. Tests of what only a process has, such as real signals, use
 * a process.
 */
export class HostedProcess {
  stdout = '';
  stderr = '';
  /** Both, in the order in which they were written. */
  output = '';
  /** Null while it runs. */
  exitCode: Exit | null = null;
  readonly exited: Promise<Exit>;
  /** Ports of its servers, in the order in which they began to listen. */
  readonly ports: number[] = [];
  readonly streams: { readonly stdout: Writable; readonly stderr: Writable };
  readonly console: Console;
  readonly signals = new EventEmitter();
  readonly #servers = new Set<Server>();
  readonly #sockets = new Set<Socket>();
  #end: (exit: Exit) => void = () => {};

  /** Runs `main`, whose result is the exit code. Without a result, the process runs until `kill`. */
  constructor(main: () => Promise<number | void>) {
    install();
    this.exited = new Promise((resolve) => {
      this.#end = (exit) => {
        if (this.exitCode !== null) return;
        this.exitCode = exit;
        running.splice(running.indexOf(this), 1);
        resolve(exit);
      };
    });
    running.push(this);
    this.streams = { stdout: this.#streamTo('stdout'), stderr: this.#streamTo('stderr') };
    this.console = new Console(this.streams.stdout, this.streams.stderr);
    void current.run(this, async () => {
      try {
        const code = await main();
        // Warnings are written in a later turn.
        await new Promise((resolve) => setImmediate(resolve));
        if (code !== undefined) this.#end(code);
      } catch (error) {
        this.write('stderr', `${error instanceof Error ? error.stack : String(error)}\n`);
        this.#end(1);
      }
    });
  }

  /** Does what the signal does: calls the listeners, or ends the process. */
  signal(signal: NodeJS.Signals): void {
    const isHandled = current.run(this, () => this.signals.emit(signal, signal));
    if (!isHandled) void this.#stop(signal);
  }

  /** Ends the process as SIGKILL does, except that the code is told to stop, so that it leaves nothing behind. */
  async kill(): Promise<void> {
    const wasRunning = this.exitCode === null;
    const stopped = this.#stop('SIGKILL');
    if (wasRunning) current.run(this, () => this.signals.emit('SIGTERM', 'SIGTERM'));
    await stopped;
  }

  /** What `process.exit` does. */
  exit(code: number): void {
    void this.#stop(code);
  }

  addServer(server: Server): void {
    this.#servers.add(server);
    const address = server.address();
    if (address !== null && typeof address === 'object') this.ports.push(address.port);
  }

  addSocket(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    if (this.exitCode !== null) socket.destroy();
  }

  async #stop(exit: Exit): Promise<void> {
    this.#end(exit);
    const listening = Array.from(this.#servers).filter((server) => server.listening);
    const closed = listening.map((server) => new Promise((resolve) => server.close(resolve)));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  write(stream: 'stdout' | 'stderr', text: string): void {
    this[stream] += text;
    this.output += text;
  }

  #streamTo(stream: 'stdout' | 'stderr'): Writable {
    return new Writable({
      decodeStrings: false,
      write: (chunk: string | Buffer, _encoding, done) => {
        this.write(stream, chunk.toString());
        done();
      },
    });
  }
}

const isSignal = (event: string | symbol): boolean => typeof event === 'string' && event.startsWith('SIG');

/** Makes the parts of `process` that hosted code uses depend on the code that uses them. */
function install(): void {
  if (isInstalled) return;
  isInstalled = true;
  for (const name of ['stdout', 'stderr'] as const) {
    const real = process[name];
    Object.defineProperty(process, name, {
      configurable: true,
      enumerable: true,
      get: () => writer()?.streams[name] ?? real,
    });
  }
  for (const method of ['on', 'addListener', 'once', 'off', 'removeListener'] as const) {
    const real = process[method].bind(process) as (
      event: string | symbol,
      listener: () => void,
    ) => NodeJS.Process;
    Object.assign(process, {
      [method](event: string | symbol, listener: () => void): unknown {
        const hosted = isSignal(event) ? current.getStore() : undefined;
        return hosted === undefined ? real(event, listener) : hosted.signals[method](event, listener);
      },
    });
  }
  // Vitest replaces the console and `exit` for each test file.
  let { console } = globalThis;
  Object.defineProperty(globalThis, 'console', {
    configurable: true,
    get: () => current.getStore()?.console ?? console,
    set: (replacement: Console) => {
      console = replacement;
    },
  });
  let { exit } = process;
  Object.defineProperty(process, 'exit', {
    configurable: true,
    enumerable: true,
    get: () => {
      const hosted = current.getStore();
      return hosted === undefined ? exit : (code?: number) => hosted.exit(code ?? 0);
    },
    set: (replacement: typeof exit) => {
      exit = replacement;
    },
  });
  process.on('warning', ({ name, message }) => {
    writer()?.write('stderr', `(node:${process.pid}) ${name}: ${message}\n`);
  });
  subscribe('tracing:net.server.listen:asyncEnd', (message) => {
    current.getStore()?.addServer((message as { server: Server }).server);
  });
  subscribe('net.server.socket', (message) => {
    current.getStore()?.addSocket((message as { socket: Socket }).socket);
  });
}
