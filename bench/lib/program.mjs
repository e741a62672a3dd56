// @ts-check
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { complaint } from './command.mjs';

/** @import { Program } from './types.mjs' */

const startSeconds = 15;
const stopSeconds = 5;

/** @type {Map<Program, import('node:child_process').ChildProcess>} */
const running = new Map();

/** Nothing may be left running, or the next measurement shares its cores. */
export async function stopPrograms() {
  await Promise.all([...running.keys()].map((program) => program.stop()));
}

/** For a signal, after which there is no time to wait. */
export function killPrograms() {
  for (const child of running.values()) child.kill('SIGTERM');
}

/** @returns {Promise<number>} */
export async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

/** @param {number} port */
function accepts(port) {
  return new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/**
 * Waits until something accepts connections.
 *
 * @param {number} port
 */
export async function accepting(port) {
  while (!(await accepts(port))) await sleep(20);
}

/**
 * Starts a server and waits until it accepts connections.
 *
 * @param {number} port
 * @param {string} file
 * @param {readonly string[]} args
 * @returns {Promise<Program>}
 */
export async function startProgram(port, file, args) {
  // No NODE_OPTIONS: a profiler or an --inspect meant for the bench must not slow the subjects.
  const env = { ...process.env, NODE_ENV: 'production', NODE_OPTIONS: '' };
  const child = spawn(file, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = once(child, 'exit').then(
    () => {},
    () => {},
  );
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr = (stderr + text).slice(-4000)));
  const hasExited = () => child.pid === undefined || child.exitCode !== null || child.signalCode !== null;

  /** @type {Program} */
  const program = {
    pid: child.pid ?? 0,
    port,
    async stop() {
      running.delete(program);
      if (hasExited()) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), stopSeconds * 1000);
      await exited;
      clearTimeout(timer);
    },
  };
  running.set(program, child);
  const deadline = performance.now() + startSeconds * 1000;
  while (!(await accepts(port))) {
    if (hasExited() || performance.now() > deadline) {
      await program.stop();
      throw new Error(`${path.basename(file)} did not start: ${complaint(stderr)}`);
    }
    await sleep(20);
  }
  return program;
}
