import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createClient } from '@redis/client';
import { type ScriptServer, scripts } from '../../src/store/scripts.js';
import type { Network } from './fixture.js';
import type { Tool } from './requirements.js';
import { scratchFolder } from './tool.js';
import { until } from './until.js';

/** A Redis server without persistence, on a Unix socket. It can be killed and started again. */
export class RedisProcess {
  readonly socket: string;
  readonly #tool: Tool;
  readonly #folder: string;
  readonly #args: readonly string[];
  #child: ChildProcess | null = null;

  private constructor(tool: Tool, folder: string, args: readonly string[]) {
    this.#tool = tool;
    this.#folder = folder;
    this.#args = args;
    this.socket = join(folder, 'redis.sock');
  }

  static async start(net: Network, tool: Tool, args: readonly string[] = []): Promise<RedisProcess> {
    const redis = new RedisProcess(tool, scratchFolder(net), args);
    net.cleanup(() => redis.kill());
    await redis.start();
    return redis;
  }

  get url(): string {
    return `unix:${this.socket}`;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async start(): Promise<void> {
    rmSync(this.socket, { force: true });
    const args = ['--port', '0', '--unixsocket', this.socket, '--save', '', '--appendonly', 'no'];
    const tool = this.#tool;
    this.#child = spawn(tool.path, [...args, '--dir', this.#folder, ...this.#args], {
      stdio: 'ignore',
    });
    await until(() => accepts(this.socket), 'the Redis server listened');
  }

  /** Ends it as `kill -9` does. All that it knew is lost. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
  }

  /** A client that ends with the test. */
  async client(net: Network) {
    const client = createClient({ RESP: 2, socket: { path: this.socket, tls: false } });
    client.on('error', () => {});
    await client.connect();
    net.cleanup(() => client.destroy());
    return client;
  }
}

/** Runs the real scripts with a clock of the test. */
export function scriptServer(
  client: Awaited<ReturnType<RedisProcess['client']>>,
  now: () => number,
): ScriptServer {
  return {
    isCluster: false,
    run: (name, keys, args) =>
      client.eval(scripts[name], { keys: [...keys], arguments: [String(now()), ...args] }),
    subscribe: () => () => {},
    close: () => Promise.resolve(),
  };
}

function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
