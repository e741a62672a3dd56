import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Network } from '../../../sluiceway/test/support/fixture.js';
import type { Exit } from '../../../sluiceway/test/support/hosted-process.js';
import { node, type Tool } from '../../../sluiceway/test/support/requirements.js';
import { launchersOf, Program, type ServeOptions } from './launch.js';

const packageUrl = new URL('../../', import.meta.url);

/** What starts Node.js. */
export interface Start {
  tool: Tool;
  args: readonly string[];
}

const plainly: Start = { tool: node, args: [] };

/** A process of the built program. For tests of signals, exit codes, pipes, descriptors, memory and the package. */
export class ProgramProcess extends Program {
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
    super();
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

  get exitCode(): Exit | null {
    return this.child.exitCode;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }
}

const startWith =
  (start?: Start) =>
  (_net: Network, args: readonly string[], env: Record<string, string>): ProgramProcess =>
    new ProgramProcess('bin/sluiceway.js', args, env, start);

export const { sluiceway, sluicewayProxy, sluicewayGateway } = launchersOf(startWith());

/** Runs `sluiceway serve` with a configuration. */
export const sluicewayServe = (
  net: Network,
  config: unknown,
  { start, ...options }: ServeOptions & { start?: Start } = {},
) => launchersOf(startWith(start)).sluicewayServe(net, config, options);

/** Runs `sluiceway gateway` from bash, which lets it have so many descriptors at a time. */
export const sluicewayGatewayWith = (net: Network, bash: Tool, descriptors: number, ...flags: string[]) =>
  launchersOf(
    startWith({ tool: bash, args: ['-c', `ulimit -n ${descriptors}; exec "$@"`, 'bash', node.path] }),
  ).sluicewayGateway(net, ...flags);
