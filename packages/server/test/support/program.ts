import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { Network } from '../../../sluiceway/test/support/fixture.js';
import { node, type Tool } from '../../../sluiceway/test/support/requirements.js';
import { scratchFolder } from '../../../sluiceway/test/support/tool.js';
import { until } from '../../../sluiceway/test/support/until.js';

const packageUrl = new URL('../../', import.meta.url);

export interface Start {
  tool: Tool;
  args: readonly string[];
}

const plainly: Start = { tool: node, args: [] };

/** How a process ended: its exit code, or the signal that killed it. */
export type Exit = number | NodeJS.Signals;

/** A process of the built program. */
export class Program {
  readonly child: ChildProcess;
  readonly exited: Promise<Exit>;
  stdout = '';
  stderr = '';

  /** `tool` with its `args` is what starts Node.js with the arguments that follow. */
  constructor(
    script: string,
    args: readonly string[],
    env: Record<string, string> = {},
    { tool, args: before } = plainly,
  ) {
    const path = fileURLToPath(new URL(script, packageUrl));
    this.child = spawn(tool.path, [...before, path, ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    // `close` comes when all that was written has been read, too.
    this.exited = new Promise((resolve) => {
      this.child.once('close', (code, signal) => resolve(code ?? signal ?? -1));
    });
  }

  /** The first match in what has been written so far, waited for. */
  async match(stream: 'stdout' | 'stderr', pattern: RegExp): Promise<RegExpExecArray> {
    let match: RegExpExecArray | null = null;
    await until(() => {
      match = pattern.exec(this[stream]);
      if (match === null && this.child.exitCode !== null) {
        throw new Error(`It ended with ${this.child.exitCode} and wrote:\n${this.stdout}${this.stderr}`);
      }
      return match !== null;
    }, `${stream} matched ${pattern}`);
    return match as unknown as RegExpExecArray;
  }

  /** The lines of standard error that are JSON: the transfer log. */
  records(): Record<string, unknown>[] {
    const lines = this.stderr.split('\n').filter((line) => line.startsWith('{'));
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** The record of the first transfer to end. */
  async record(): Promise<Record<string, unknown>> {
    await this.match('stderr', /^\{.*\}\n/m);
    return this.records()[0] ?? {};
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }
}

/** Runs `sluiceway` with these arguments. */
export const sluiceway = (net: Network, ...args: string[]): Program => run(net, args);

function run(net: Network, args: readonly string[], start?: Start): Program {
  const program = new Program('bin/sluiceway.js', args, {}, start);
  net.cleanup(() => program.kill());
  return program;
}

/** Runs `sluiceway gateway` from bash, which lets it have so many descriptors at a time. */
export const sluicewayGatewayWith = (
  net: Network,
  bash: Tool,
  descriptors: number,
  ...flags: string[]
): Promise<Listening> =>
  runListening(net, ['gateway'], flags, {
    tool: bash,
    args: ['-c', `ulimit -n ${descriptors}; exec "$@"`, 'bash', node.path],
  });

/** Runs `sluiceway proxy` on a free port, and waits until it listens. */
export const sluicewayProxy = (net: Network, originUrl: string, ...flags: string[]): Promise<Listening> =>
  runListening(net, ['proxy', originUrl], flags);

/** The same for `sluiceway gateway`. */
export const sluicewayGateway = (net: Network, ...flags: string[]): Promise<Listening> =>
  runListening(net, ['gateway'], flags);

/** A server with its configuration file. */
type Serving = Program & {
  /** Of the listeners on TCP, in the order of the file. */
  ports: number[];
  port: number;
  /** The configuration file; `write` replaces it. */
  file: string;
  write(config: unknown): void;
  /** Sends SIGHUP, and waits until the server says what came of it. */
  reload(config?: unknown): Promise<string>;
};

interface ServeOptions {
  folder?: string;
  env?: Record<string, string>;
  start?: Start;
}

/** Runs `sluiceway serve` with a configuration: text, or an object that is written as JSON. */
export async function sluicewayServe(
  net: Network,
  config: unknown,
  { folder = scratchFolder(net), env = {}, start }: ServeOptions = {},
): Promise<Serving> {
  const file = join(folder, 'sluiceway.yaml');
  const write = (given: unknown): void =>
    writeFileSync(file, typeof given === 'string' ? given : JSON.stringify(given, null, 2));
  write(config);
  const program = new Program('bin/sluiceway.js', ['serve', '--config', file], env, start);
  net.cleanup(() => program.kill());
  const { listeners } = parse(typeof config === 'string' ? config : JSON.stringify(config)) as {
    listeners: unknown[];
  };
  await program.match('stdout', new RegExp(`(?:sluiceway: listening on .*\n){${listeners.length}}`));
  const ports = Array.from(program.stdout.matchAll(/listening on https?:[^\s,]+:(\d+)/g), ([, port]) =>
    Number(port),
  );
  const reload = async (given?: unknown): Promise<string> => {
    if (given !== undefined) write(given);
    const before = { stdout: program.stdout.length, stderr: program.stderr.length };
    program.signal('SIGHUP');
    let answer = '';
    await until(() => {
      const said = (['stdout', 'stderr'] as const).map((stream) => program[stream].slice(before[stream]));
      answer = said.flatMap((text) => /^sluiceway: (SIGHUP: [^]*\n)/m.exec(text)?.[1] ?? [])[0] ?? '';
      return answer !== '';
    }, 'the server had reloaded, or said why not');
    return answer;
  };
  return Object.assign(program, { ports, port: ports[0] ?? 0, file, write, reload });
}

type Listening = Program & { port: number };

async function runListening(
  net: Network,
  command: readonly string[],
  flags: readonly string[],
  start?: Start,
): Promise<Listening> {
  const listen = flags.includes('--listen') ? [] : ['--listen', '127.0.0.1:0'];
  const program = run(net, [...command, ...listen, ...flags], start);
  const [, port] = await program.match('stdout', /listening on \S+:(\d+),/);
  return Object.assign(program, { port: Number(port) });
}
