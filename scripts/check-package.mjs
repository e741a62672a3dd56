// Packs both packages and looks at them as a user gets them: what is in the tarball, what publint and
// "are the types wrong" say, and whether a project that installs them can import, require, compile and run.
import { ok, strictEqual } from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureInstalled } from './ensure-installed.mjs';
import { checkFrameworks } from './package-frameworks.mjs';
import { environmentElsewhere, output, root, scratchDirectory } from './support.mjs';

const consumer = `
import { createProxy, type Transport } from 'sluiceway';
import { type UndiciDispatcher, undiciTransport } from 'sluiceway/undici';

export const made: ReturnType<typeof createProxy> = createProxy({ upstream: 'http://127.0.0.1:9' });
// Without undici, whose types nobody needs for this.
export const toTransport: (dispatcher: UndiciDispatcher) => Transport = undiciTransport;
`;

ensureInstalled();
const scratch = scratchDirectory('package');
const env = environmentElsewhere();
const tarballs = ['packages/sluiceway', 'packages/server'].map((directory) => checkTarball(directory));
checkInstalled(tarballs);
console.log('packages: all is well');

/**
 * @param {string} directory
 * @returns {string} where the tarball is
 */
function checkTarball(directory) {
  const printed = output('npm', ['pack', '--json', '--pack-destination', scratch], {
    cwd: join(root, directory),
    env,
  });
  const [packed] = /** @type {{ filename: string, files: { path: string }[] }[]} */ (JSON.parse(printed));
  ok(packed, 'npm pack named no tarball');
  const paths = packed.files.map(({ path }) => path);
  const strays = paths.filter((path) => !belongsInPackage(path) || !hasSource(directory, path));
  ok(strays.length === 0, `${directory} would publish what does not belong there: ${strays.join(', ')}`);
  for (const path of ['package.json', 'LICENSE', 'README.md'])
    ok(paths.includes(path), `${directory} publishes no ${path}`);
  strictEqual(
    readFileSync(join(root, directory, 'LICENSE'), 'utf8'),
    readFileSync(join(root, 'LICENSE'), 'utf8'),
    `${directory}/LICENSE is not the LICENSE of the repository`,
  );
  const tarball = join(scratch, packed.filename);
  tool('publint/src/cli.js', [tarball, '--strict']);
  // Without an entry there are no types to judge.
  if (existsSync(join(root, directory, 'src/index.ts'))) {
    // A CommonJS project can require the package, so only that it is an ES module is no problem there.
    tool('@arethetypeswrong/cli/dist/index.js', [
      tarball,
      '--ignore-rules',
      'cjs-resolves-to-esm',
      '--no-color',
    ]);
  }
  console.log(`${packed.filename}: ${paths.length} files, publint and attw find nothing`);
  return tarball;
}

/** @param {string} path */
function belongsInPackage(path) {
  if (/(^|\/)(test|tests|__tests__)\/|\.(test|soak)\./.test(path)) return false;
  if (/\.[cm]?ts$/.test(path) && !path.endsWith('.d.ts')) return false;
  if (path.endsWith('.tsbuildinfo') || path.endsWith('.d.ts.map')) return false;
  return (
    ['package.json', 'LICENSE', 'README.md'].includes(path) ||
    /^(dist|bin|dashboard|demo|grafana)\//.test(path)
  );
}

/**
 * A compiled file whose source is gone would be published unseen. A bundle is always written as a whole.
 *
 * @param {string} directory
 * @param {string} path
 */
function hasSource(directory, path) {
  if (path.startsWith('dist/bundle/')) return true;
  const stem = /^dist\/(.*?)\.(?:js|d\.ts)(?:\.map)?$/.exec(path)?.[1];
  return stem === undefined || existsSync(join(root, directory, 'src', `${stem}.ts`));
}

/** @param {readonly string[]} files */
function checkInstalled(files) {
  const cwd = join(scratch, 'project');
  mkdirSync(cwd);
  writeFileSync(join(cwd, 'package.json'), '{ "name": "project", "private": true, "type": "module" }\n');
  const inProject = { cwd, env };
  output('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...files], inProject);

  const printType = 'console.log(typeof createProxy);';
  const node = process.execPath;
  const imported = output(
    node,
    ['--input-type=module', '-e', `import { createProxy } from 'sluiceway'; ${printType}`],
    inProject,
  );
  strictEqual(imported.trim(), 'function', "import { createProxy } from 'sluiceway'");
  console.log('import: works');

  // Every Node that package.json admits can, so that a CommonJS project needs no second build of ours.
  const required = output(
    node,
    ['--input-type=commonjs', '-e', `const { createProxy } = require('sluiceway'); ${printType}`],
    inProject,
  );
  strictEqual(required.trim(), 'function', "require('sluiceway')");
  console.log('require: works');

  // With skipLibCheck off, so that our declarations are compiled too, by the user's stricter settings.
  writeFileSync(join(cwd, 'consumer.ts'), consumer);
  mkdirSync(join(cwd, 'node_modules/@types'), { recursive: true });
  for (const name of ['@types/node', 'undici-types']) {
    symlinkSync(join(root, 'node_modules', name), join(cwd, 'node_modules', name), 'junction');
  }
  tool(
    'typescript/bin/tsc',
    [
      '--noEmit',
      '--strict',
      '--exactOptionalPropertyTypes',
      '--module',
      'nodenext',
      '--types',
      'node',
      'consumer.ts',
    ],
    cwd,
  );
  console.log('types: compile in a strict project');
  checkFrameworks(cwd, env, subpaths());

  const { version } = /** @type {{ version: string }} */ (
    JSON.parse(readFileSync(join(root, 'packages/server/package.json'), 'utf8'))
  );
  strictEqual(
    output('npx', ['--no-install', 'sluiceway', '--version'], inProject).trim(),
    version,
    'sluiceway --version',
  );
  console.log('npx sluiceway --version: works');
}

/** Of the library, without `package.json`: each an entry of its own. */
function subpaths() {
  const { exports } = /** @type {{ exports: Record<string, unknown> }} */ (
    JSON.parse(readFileSync(join(root, 'packages/sluiceway/package.json'), 'utf8'))
  );
  return Object.keys(exports)
    .filter((name) => name !== '.' && name !== './package.json')
    .map((name) => name.slice(2));
}

/**
 * @param {string} path Inside node_modules.
 * @param {readonly string[]} args
 * @param {string} [cwd]
 */
function tool(path, args, cwd = root) {
  return output(process.execPath, [join(root, 'node_modules', path), ...args], { cwd });
}
