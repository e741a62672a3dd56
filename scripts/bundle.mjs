// Bundles what users load: a module costs Node about a millisecond to find, read and compile, and the program has
// hundreds. Dependencies stay outside, and every entry shares its code with the others, so that a class is the same
// in all of them.
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { root } from './support.mjs';

/** The scripts that the program starts by path. `bin/sluiceway.js` imports the first. */
const programs = { main: 'src/cli/main.ts', 'worker-main': 'src/cli/worker-main.ts' };

await bundle('packages/sluiceway', libraryEntries());
await bundle('packages/server', programs);

/** @returns {Record<string, string>} The entries of the library's `exports` by name. */
function libraryEntries() {
  const { exports } = /** @type {{ exports: Record<string, string | { default: string }> }} */ (
    JSON.parse(readFileSync(join(root, 'packages/sluiceway/package.json'), 'utf8'))
  );
  const names = Object.values(exports).flatMap((target) => {
    if (typeof target === 'string') return [];
    const [, name] = /^\.\/dist\/bundle\/(.+)\.js$/.exec(target.default) ?? [];
    if (name === undefined) throw new Error(`${target.default} is not in dist/bundle`);
    return [name];
  });
  return Object.fromEntries(names.map((name) => [name, `src/${name}.ts`]));
}

/**
 * @param {string} directory
 * @param {Record<string, string>} input
 */
async function bundle(directory, input) {
  const cwd = join(root, directory);
  const dir = join(cwd, 'dist/bundle');
  if (isFresh(cwd, Object.keys(input))) return;
  rmSync(dir, { recursive: true, force: true });
  const bundled = await rolldown({ cwd, input, platform: 'node', external: /^[^./]/, logLevel: 'warn' });
  await bundled.write({ dir, format: 'esm', sourcemap: true, chunkFileNames: '[name]-[hash].js' });
  await bundled.close();
}

/**
 * Whether all entries are newer than what the compiler has last written.
 *
 * @param {string} cwd
 * @param {readonly string[]} names
 */
function isFresh(cwd, names) {
  const compiled = statSync(join(cwd, 'dist/.tsbuildinfo')).mtimeMs;
  return names.every((name) => {
    const file = join(cwd, 'dist/bundle', `${name}.js`);
    return existsSync(file) && statSync(file).mtimeMs >= compiled;
  });
}
