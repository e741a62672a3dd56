// @ts-check
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findTool, runCommand } from './command.mjs';

const required = ['nginx', 'curl', 'openssl'];
const optional = ['wrk', 'haproxy', 'go', 'cc'];

/** Paths of the outside programs. Without those that origin and clients are made of there is no bench. */
export function findTools() {
  /** @type {Map<string, string>} */
  const tools = new Map();
  for (const name of [...required, ...optional]) {
    const file = findTool(name);
    if (file !== undefined) tools.set(name, file);
  }
  const missing = required.filter((name) => !tools.has(name));
  if (missing.length > 0) throw new Error(`the bench needs ${missing.join(', ')}: see bench/README.md`);
  return tools;
}

/** @param {string} name  relative to the bench */
export const benchFile = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));

/**
 * A helper in C where there is a compiler, otherwise the same in JavaScript.
 *
 * @param {Map<string, string>} tools
 * @param {string} dir
 * @param {string} source  without its extension
 * @returns {Promise<string[]>} the command to run
 */
export async function buildHelper(tools, dir, source) {
  const program = await buildProgram(tools, dir, source);
  return program === undefined ? [process.execPath, benchFile(`${source}.mjs`)] : [program];
}

/**
 * @param {Map<string, string>} tools
 * @param {string} dir
 * @param {string} source  of a program in C, without its extension
 * @returns {Promise<string | undefined>} undefined without a compiler
 */
export async function buildProgram(tools, dir, source) {
  const cc = tools.get('cc');
  if (cc === undefined) return undefined;
  const output = path.join(dir, source.replaceAll('/', '-'));
  await runCommand(cc, ['-O2', '-o', output, benchFile(`${source}.c`)]);
  return output;
}

/**
 * @param {Map<string, string>} tools
 * @param {string} dir
 */
export async function buildGoProxy(tools, dir) {
  const go = tools.get('go');
  if (go === undefined) return undefined;
  const output = path.join(dir, 'go-proxy');
  await mkdir(dir, { recursive: true });
  await runCommand(go, ['build', '-o', output, benchFile('subjects/go-proxy.go')]);
  return output;
}
