import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Network } from '../../../sluiceway/test/support/fixture.js';
import type { Exit } from '../../../sluiceway/test/support/hosted-process.js';
import { scratchFolder } from '../../../sluiceway/test/support/tool.js';
import { until } from '../../../sluiceway/test/support/until.js';

/** The program while it runs, or after it has ended. */
export abstract class Program {
  abstract readonly stdout: string;
  abstract readonly stderr: string;
  /** Null while it runs. */
  abstract readonly exitCode: Exit | null;
  abstract readonly exited: Promise<Exit>;

  abstract signal(signal: NodeJS.Signals): void;
  abstract kill(): Promise<void>;

  /** Waits for the first match in everything that has been written. */
  async match(stream: 'stdout' | 'stderr', pattern: RegExp): Promise<RegExpExecArray> {
    let match: RegExpExecArray | null = null;
    await until(() => {
      match = pattern.exec(this[stream]);
      if (match === null && this.exitCode !== null) {
        throw new Error(`It ended with ${this.exitCode} and wrote:\n${this.stdout}${this.stderr}`);
      }
      return match !== null;
    }, `${stream} matched ${pattern}`);
    return match as unknown as RegExpExecArray;
  }

  /**
   * The transfer log, which is the lines of standard error that are JSON, once it has this many records: a client
   * sees the end of a response before the record of it is written.
   */
  async records(count: number): Promise<Record<string, unknown>[]> {
    const lines = (): string[] => this.stderr.match(/^\{.*\}\n/gm) ?? [];
    await until(() => lines().length >= count || this.exitCode !== null, `${count} records were in the log`);
    return lines().map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** The record of the first transfer to end. */
  async record(): Promise<Record<string, unknown>> {
    const [first = {}] = await this.records(1);
    return first;
  }
}

/** A program that listens. */
type Listening<P extends Program> = P & { port: number };

/** A program with its configuration file. */
type Serving<P extends Program> = P & {
  /** Of the listeners on TCP, in the order of the file. */
  ports: number[];
  port: number;
  /** The configuration file; `write` replaces it. */
  file: string;
  write(config: unknown): void;
  /** Sends SIGHUP, and waits until the server says what came of it. */
  reload(config?: unknown): Promise<string>;
};

export interface ServeOptions {
  folder?: string;
  env?: Record<string, string>;
}

/** Starts `sluiceway` with arguments and further environment variables. */
type Start<P extends Program> = (net: Network, args: readonly string[], env: Record<string, string>) => P;

/** Functions that run `sluiceway` until the end of the test at most. */
export interface Launchers<P extends Program> {
  /** Runs `sluiceway` with these arguments. */
  sluiceway(net: Network, ...args: string[]): P;
  /** Runs `sluiceway proxy` on a free port, and waits until it listens. */
  sluicewayProxy(net: Network, originUrl: string, ...flags: string[]): Promise<Listening<P>>;
  /** The same for `sluiceway gateway`. */
  sluicewayGateway(net: Network, ...flags: string[]): Promise<Listening<P>>;
  /** Runs `sluiceway serve` with a configuration: text, or an object that is written as JSON. */
  sluicewayServe(net: Network, config: unknown, options?: ServeOptions): Promise<Serving<P>>;
}

export function launchersOf<P extends Program>(start: Start<P>): Launchers<P> {
  const run = (net: Network, args: readonly string[], env: Record<string, string> = {}): P => {
    const program = start(net, args, env);
    net.cleanup(() => program.kill());
    return program;
  };
  const runListening = async (net: Network, command: readonly string[], flags: readonly string[]) => {
    const listen = flags.includes('--listen') ? [] : ['--listen', '127.0.0.1:0'];
    const program = run(net, [...command, ...listen, ...flags]);
    const [, port] = await program.match('stdout', /listening on \S+:(\d+),/);
    return Object.assign(program, { port: Number(port) });
  };
  return {
    sluiceway: (net, ...args) => run(net, args),
    sluicewayProxy: (net, originUrl, ...flags) => runListening(net, ['proxy', originUrl], flags),
    sluicewayGateway: (net, ...flags) => runListening(net, ['gateway'], flags),
    sluicewayServe: async (net, config, { folder = scratchFolder(net), env = {} } = {}) => {
      const file = join(folder, 'sluiceway.yaml');
      const write = (given: unknown): void =>
        writeFileSync(file, typeof given === 'string' ? given : JSON.stringify(given, null, 2));
      write(config);
      const program = run(net, ['serve', '--config', file], env);
      const { listeners } = parse(typeof config === 'string' ? config : JSON.stringify(config)) as {
        listeners: unknown[];
      };
      await program.match('stdout', new RegExp(`(?:sluiceway: listening on .*\n){${listeners.length}}`));
      const ports = Array.from(program.stdout.matchAll(/listening on https?:[^\s,]+:(\d+)/g), ([, port]) =>
        Number(port),
      );
      const reload = async (given?: unknown): Promise<string> => {
        if (given !== undefined) write(given);
        return reloaded(program);
      };
      return Object.assign(program, { ports, port: ports[0] ?? 0, file, write, reload });
    },
  };
}

/** Sends SIGHUP, and waits for what the program says then. */
async function reloaded(program: Program): Promise<string> {
  const before = { stdout: program.stdout.length, stderr: program.stderr.length };
  program.signal('SIGHUP');
  let answer = '';
  await until(() => {
    const said = (['stdout', 'stderr'] as const).map((stream) => program[stream].slice(before[stream]));
    answer = said.flatMap((text) => /^sluiceway: (SIGHUP: [^]*\n)/m.exec(text)?.[1] ?? [])[0] ?? '';
    return answer !== '';
  }, 'the server had reloaded, or said why not');
  return answer;
}
