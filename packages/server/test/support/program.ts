import type { Network } from '../../../sluiceway/test/support/fixture.js';
import { type Exit, HostedProcess } from '../../../sluiceway/test/support/hosted-process.js';
import { runProgram } from '../../src/cli/program.js';
import { launchersOf, Program } from './launch.js';

// A command is loaded when it runs. On a busy machine, the first test of a file would wait for that as long as for
// the program.
await Promise.all([import('../../src/cli/proxy-command.js'), import('../../src/cli/serve-command.js')]);

/** The program inside this process. The same functions in `process.ts` start the built program, which takes longer. */
class HostedProgram extends Program {
  readonly #process: HostedProcess;

  constructor(args: readonly string[]) {
    super();
    this.#process = new HostedProcess(() => runProgram(args));
  }

  get stdout(): string {
    return this.#process.stdout;
  }

  get stderr(): string {
    return this.#process.stderr;
  }

  get exitCode(): Exit | null {
    return this.#process.exitCode;
  }

  get exited(): Promise<Exit> {
    return this.#process.exited;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.signal(signal);
  }

  kill(): Promise<void> {
    return this.#process.kill();
  }
}

export const { sluiceway, sluicewayProxy, sluicewayGateway, sluicewayServe } = launchersOf(
  (net, args, env) => {
    setEnvironment(net, env);
    return new HostedProgram(args);
  },
);

export type { Program };

/** Sets variables until the test ends. */
function setEnvironment(net: Network, env: Record<string, string>): void {
  for (const [name, value] of Object.entries(env)) {
    const before = process.env[name];
    process.env[name] = value;
    net.cleanup(() => {
      if (before === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = before;
    });
  }
}
