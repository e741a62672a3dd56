import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Network } from './fixture.js';
import type { Tool } from './requirements.js';

/** How a program ended, and what it wrote. */
export interface ToolRun {
  /** Its exit code; -1 if a signal ended it. */
  code: number;
  stdout: string;
  stderr: string;
}

export interface ToolOptions {
  /** The folder to run in, which is also its home. */
  in: string;
  /** Written to its standard input. */
  input?: Iterable<Uint8Array>;
  /** The file in the folder for its standard output. `stdout` is empty then. */
  outputFile?: string;
  /** Ends the program as its user would. */
  signal?: AbortSignal;
}

/**
 * Runs a program to its end. It gets no user configuration and no proxy from the environment. A test that ends first ends
 * the program.
 */
export async function runTool(
  net: Network,
  tool: Tool,
  args: readonly string[],
  options: ToolOptions,
): Promise<ToolRun> {
  const { signal, input, outputFile } = options;
  const child = spawn(tool.path, args, {
    cwd: options.in,
    env: { PATH: process.env['PATH'], HOME: options.in, LC_ALL: 'C.UTF-8' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  net.cleanup(() => child.kill('SIGKILL'));
  signal?.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
  const output = outputFile === undefined ? null : createWriteStream(join(options.in, outputFile));
  let stdout = '';
  let stderr = '';
  const written = output && pipeline(child.stdout, output);
  if (output === null) {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
  }
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? -1));
  });
  // A program can close its standard input early.
  pipeline(Readable.from(input ?? []), child.stdin).catch(() => {});
  const code = await ended;
  await written;
  return { code, stdout, stderr };
}

/** An empty folder for one test. */
export function scratchFolder(net: Network): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluiceway-tool-'));
  net.cleanup(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The SHA-256 of a file in hex. */
export async function fileDigest(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) hash.update(chunk);
  return hash.digest('hex');
}
