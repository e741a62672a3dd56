import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runProgram } from '../../../../server/src/cli/program.js';
import { type Exit, HostedProcess } from '../../support/hosted-process.js';
import { openClient, type RawClient, type RawResponse } from '../../support/raw-client.js';
import type { Tool } from '../../support/requirements.js';
import { until } from '../../support/until.js';
import { type Block, repositoryRoot } from './markdown.js';
import type { ExampleOrigin } from './origin.js';

const preload = new URL('preload.mjs', import.meta.url).href;
const importExample = createRequire(import.meta.url)('./import-example.cjs') as (
  url: string,
) => Promise<unknown>;

/** A directory from which code finds the built packages, as a user's project does. */
export function makeProject(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'sluiceway-docs-'));
  symlinkSync(join(repositoryRoot, 'node_modules'), join(path, 'node_modules'), 'junction');
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export interface RequestOptions {
  method?: string;
  /** Further field lines. */
  fields?: readonly string[];
  content?: string | Buffer;
  /** Speak TLS, and trust this authority. */
  ca?: string;
}

/** An example that runs. */
export abstract class RunningExample {
  /** Where it listens; 0 until then. Set it to ask another listener. */
  abstract port: number;
  abstract readonly output: string;
  abstract readonly exitCode: Exit | null;
  abstract readonly exited: Promise<Exit>;

  abstract signal(signal: NodeJS.Signals): void;
  abstract stop(): Promise<void>;

  /** Waits until the example listens. */
  async listening(): Promise<this> {
    await this.until(() => this.port !== 0, 'the example listened');
    return this;
  }

  /** Waits until the example has written what matches, and returns the match. */
  async wrote(pattern: RegExp): Promise<readonly string[]> {
    await this.until(() => pattern.test(this.output), `the example wrote ${pattern}`);
    return pattern.exec(this.output) ?? [];
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    await until(() => {
      if (condition()) return true;
      if (this.exitCode !== null) throw new Error(`The example has ended:\n${this.output}`);
      return false;
    }, what);
  }

  /** Sends a request on a connection of its own and reads the response. */
  async send(path: string, options: RequestOptions = {}): Promise<RawResponse> {
    const { method = 'GET', fields = [], content = '', ca } = options;
    const client = await this.connect(ca);
    const length = content.length === 0 ? [] : [`Content-Length: ${content.length}`];
    await client.send(
      [`${method} ${path} HTTP/1.1`, 'Host: test', ...length, ...fields, '\r\n'].join('\r\n'),
    );
    await client.send(content);
    const response = await client.readResponse({ method });
    client.close();
    return response;
  }

  connect(ca?: string): Promise<RawClient> {
    return openClient(this.port, ca === undefined ? {} : { tls: { ca, servername: 'localhost' } });
  }
}

/** An example as a process of its own. */
export class ExampleProcess extends RunningExample {
  readonly child: ChildProcess;
  readonly exited: Promise<Exit>;
  port = 0;
  output = '';

  constructor(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = process.env) {
    super();
    this.child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    this.child.on('message', (message: { port: number }) => {
      this.port = message.port;
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
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

  async stop(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }
}

const home = process.cwd();

/** An example inside this process, which takes its directory until it is stopped. */
class HostedExample extends RunningExample {
  readonly #process: HostedProcess;
  #port: number | null = null;

  constructor(directory: string, main: () => Promise<number | void>) {
    super();
    process.chdir(directory);
    this.#process = new HostedProcess(main);
  }

  get port(): number {
    return this.#port ?? this.#process.ports.at(-1) ?? 0;
  }

  set port(port: number) {
    this.#port = port;
  }

  get output(): string {
    return this.#process.output;
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

  async stop(): Promise<void> {
    await this.#process.kill();
    process.chdir(home);
  }
}

/** A code block with the world that it runs in: an origin server at its port 9000, a free port for its port 8080. */
export class Example {
  readonly block: Block;
  readonly origin: ExampleOrigin;
  readonly project: string;
  readonly running: RunningExample[] = [];
  /** Further texts of the block and what they become here. */
  readonly replacements = new Map<string, string>();

  constructor(block: Block, origin: ExampleOrigin, project: string) {
    this.block = block;
    this.origin = origin;
    this.project = project;
    this.replacements.set('9000', String(origin.port)).set('8080', '0');
  }

  /** Writes a file beside the example. */
  write(name: string, text: string): void {
    writeFileSync(join(this.project, name), text);
  }

  replaced(text: string): string {
    let result = text;
    for (const [from, to] of this.replacements) result = result.replaceAll(from, to);
    return result;
  }

  /** Runs the block's code, after `edit` where something is to be shown that the block itself does not. */
  async run(edit: (code: string) => string = (code) => code): Promise<RunningExample> {
    const file = this.#writeCode(edit);
    // Fastify looks `localhost` up once more after it has begun to listen, and throws if its server was closed meanwhile.
    if (/ from '(?:fastify|@nestjs\/platform-fastify)'/.test(this.block.text))
      return this.#startProcess(file);
    const url = pathToFileURL(file).href;
    return this.#started(
      new HostedExample(this.project, async () => {
        await importExample(url);
      }),
    );
  }

  /** The same in a process of its own, for what only a process shows: how it ends. */
  runAsProcess(): Promise<RunningExample> {
    return this.#startProcess(this.#writeCode());
  }

  /** Runs a command, by default the one of the block, which must be `npx sluiceway …`. */
  async runProgram(commands: readonly string[][] = commandsOf(this.block)): Promise<RunningExample> {
    const [command, ...more] = commands;
    const [npx, name, ...args] = command ?? [];
    if (npx !== 'npx' || name !== 'sluiceway' || more.length > 0)
      throw new Error(`${this.block.where}: not one line of npx sluiceway`);
    const replaced = args.map((arg) => this.replaced(arg));
    return this.#started(new HostedExample(this.project, () => runProgram(replaced)));
  }

  #writeCode(edit: (code: string) => string = (code) => code): string {
    const code = this.replaced(edit(this.block.text));
    const directory = join(this.project, `run-${this.running.length}`);
    mkdirSync(directory);
    const file = join(directory, /^import /m.test(code) ? 'example.mjs' : 'example.cjs');
    writeFileSync(file, code);
    return file;
  }

  #startProcess(file: string): Promise<RunningExample> {
    return this.#started(new ExampleProcess(['--import', preload, file], this.project));
  }

  async #started(running: RunningExample): Promise<RunningExample> {
    this.running.push(running);
    return running.listening();
  }
}

/** Runs a block, or proves otherwise that it is true. */
export interface Check {
  (example: Example): Promise<void>;
  /** The programs without which it is skipped. */
  tools?: readonly Tool[];
}

/** A check that is skipped where one of the programs is missing. */
export function needing(tools: readonly Tool[], check: (example: Example) => Promise<void>): Check {
  return Object.assign(check, { tools });
}

/** The commands of a `sh` block as lists of words, without comments; a backslash joins lines. */
export function commandsOf(block: Block): string[][] {
  return block.text
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '')
    .map((line) => line.split(/\s+/));
}
