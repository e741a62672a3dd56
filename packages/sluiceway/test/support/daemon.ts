import { spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import type { Network } from './fixture.js';
import type { Tool } from './requirements.js';
import { until } from './until.js';

/** Below the ports that systems give to connections, and to servers that ask for any port. */
const FIRST_PORT = 10_240;
const PORTS = 20_000;

/** Returns a free port of 127.0.0.1, for a program that has to be told its port. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) =>
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true)),
    );
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

/** Starts a server in the foreground, and waits until it accepts connections on the port. It ends with the test. */
export async function startDaemon(
  net: Network,
  tool: Tool,
  args: readonly string[],
  port: number,
): Promise<void> {
  const child = spawn(tool.path, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  net.cleanup(async () => {
    // If the server has ended, that is the cause of any other failure.
    const { exitCode, signalCode } = child;
    if (exitCode !== null || signalCode !== null)
      throw new Error(`${tool.name} ended by itself (${exitCode ?? signalCode}): ${errors}`);
    // Not SIGKILL: a killed process cannot end its workers, and nginx's would stay.
    child.kill('SIGTERM');
    const patience = setTimeout(() => child.kill('SIGKILL'), 5000);
    await exited;
    clearTimeout(patience);
  });
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`${tool.name} ended: ${errors}`);
    return accepts(port);
  }, `${tool.name} listened`);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
