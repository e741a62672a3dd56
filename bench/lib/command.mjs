// @ts-check
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

/** @param {string} name */
export function findTool(name) {
  // Debian installs daemons where only root's PATH looks.
  const directories = [
    ...(process.env['PATH'] ?? '').split(path.delimiter),
    '/usr/local/sbin',
    '/usr/sbin',
    '/sbin',
  ];
  for (const directory of directories) {
    const file = path.join(directory, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      continue;
    }
  }
  return undefined;
}

/** @param {string} name */
export function requireTool(name) {
  const file = findTool(name);
  if (file === undefined) throw new Error(`this needs ${name}: see bench/README.md`);
  return file;
}

/**
 * Runs a command to its end.
 *
 * @param {string} file
 * @param {readonly string[]} args
 * @param {{ cwd?: string, signal?: AbortSignal }} [options]
 * @returns {Promise<{ stdout: string, stderr: string }>}
 */
export function runCommand(file, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve({ stdout, stderr });
      else
        reject(
          new Error(`${path.basename(file)} ended with ${signal ?? code}: ${complaint(stderr || stdout)}`),
        );
    });
  });
}

/**
 * What a program most likely wanted to say with all its output.
 *
 * @param {string} text
 */
export function complaint(text) {
  const lines = text.trim().split('\n');
  return (lines.find((line) => /error|alert|emerg|fatal/i.test(line)) ?? lines.at(-1) ?? '')
    .trim()
    .slice(0, 300);
}
