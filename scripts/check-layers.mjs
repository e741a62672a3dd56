// Holds the source to the table of layers in docs/ARCHITECTURE.md, and the table to the source.
// `node scripts/check-layers.mjs` prints what is wrong; the test suite calls findLayerProblems.
import { existsSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, posix } from 'node:path';
import { findCycles } from './layers/cycles.mjs';
import { readSources } from './layers/source-files.mjs';
import { root as workspace } from './support.mjs';

/** @import { Import, SourceFile } from './layers/source-files.mjs' */

/** HTTP's own rules: they must run, and be tested, without a process around them. */
const pureFolder = 'packages/sluiceway/src/http';

const longestFile = 300;

/**
 * @param {string} [root] A tree laid out as this workspace is.
 * @returns {string[]} one line for each problem; none when all is well
 */
export function findLayerProblems(root = workspace) {
  const table = readTable(root);
  const { files, folders } = readSources(root);
  const known = new Set(files.map(({ path }) => path));
  const { names, entries } = readPackages(root, files);
  return [
    ...table.problems,
    ...compareFolders(table.layers, folders),
    ...files.flatMap((file) => judgeFile(file, entries)),
    ...files.flatMap((file) =>
      file.imports.flatMap((imported) => {
        const problem = judgeImport(file, imported, { layers: table.layers, known, names, entries });
        return problem === undefined ? [] : [`${file.path}:${imported.line}: ${problem}`];
      }),
    ),
    ...findCycles(files).map((cycle) => `import cycle: ${cycle.join(' -> ')}`),
    ...findSharedNames(files),
  ];
}

/**
 * Reads `| Folder | Layer | … |` between `<!-- layers -->` and `<!-- /layers -->`.
 *
 * @param {string} root
 */
function readTable(root) {
  /** @type {Map<string, number>} */
  const layers = new Map();
  /** @type {string[]} */
  const problems = [];
  const path = 'docs/ARCHITECTURE.md';
  const text = existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : '';
  const table = /<!-- layers -->(.*?)<!-- \/layers -->/s.exec(text)?.[1];
  if (table === undefined) problems.push(`${path}: no table between <!-- layers --> and <!-- /layers -->`);
  // The first two rows are the heading and the line under it.
  const rows = (table ?? '').split('\n').filter((line) => line.startsWith('|'));
  for (const row of rows.slice(2)) {
    const [, folder, layer] = row.split('|').map((cell) => cell.trim().replaceAll('`', ''));
    if (folder === undefined || !/^L?\d+$/.test(layer ?? '')) {
      problems.push(`${path}: not a row of the table of layers: ${row}`);
    } else if (layers.has(folder)) {
      problems.push(`${path}: ${folder} is listed twice`);
    } else {
      layers.set(folder, Number(layer?.replace('L', '')));
    }
  }
  return { layers, problems };
}

/**
 * @param {ReadonlyMap<string, number>} layers
 * @param {ReadonlySet<string>} folders
 */
function compareFolders(layers, folders) {
  const unlisted = [...folders].filter((folder) => !layers.has(folder));
  const gone = [...layers.keys()].filter((folder) => !folders.has(folder));
  return [
    ...unlisted.map((folder) => `docs/ARCHITECTURE.md: ${folder} exists and is not in the table of layers`),
    ...gone.map((folder) => `docs/ARCHITECTURE.md: ${folder} is in the table of layers and does not exist`),
  ];
}

/**
 * @param {SourceFile} file
 * @param {ReadonlySet<string>} entries
 * @returns {string[]}
 */
function judgeFile({ path, lines, topComment, barrel }, entries) {
  const problems = [];
  if (lines > longestFile && !/long file:\s*\S/.test(topComment)) {
    problems.push(
      `${path}: ${lines} lines are more than ${longestFile}; split it along an idea, or say why not in a comment at the top: "long file: …"`,
    );
  }
  if (barrel && !entries.has(path)) {
    problems.push(`${path}: only re-exports; import from where things are, barrels are for package entries`);
  }
  return problems;
}

/**
 * @param {SourceFile} file
 * @param {Import} imported
 * @param {{ layers: ReadonlyMap<string, number>, known: ReadonlySet<string>, names: ReadonlyMap<string, string>, entries: ReadonlySet<string> }} facts
 * @returns {string | undefined}
 */
function judgeImport(file, { specifier, target }, { layers, known, names, entries }) {
  if (target === undefined) {
    if (`${file.folder}/`.startsWith(`${pureFolder}/`) && isBuiltin(specifier)) {
      return `${pureFolder} is free of input and output, and may not import ${specifier}`;
    }
    return judgePackageImport(file, specifier, { layers, names });
  }
  if (!known.has(target)) return `${specifier} is not a source file`;
  if (packageOf(target) !== packageOf(file.path)) {
    return `${specifier} reaches into another package; import the package by its name`;
  }
  if (entries.has(target)) return `${specifier} is an entry of the package, which nothing inside may import`;
  if (entries.has(file.path)) return undefined;

  const targetFolder = posix.dirname(target);
  if (targetFolder === file.folder) return undefined;
  // The files at a source root are under its folders, not around them.
  if (targetFolder.startsWith(`${file.folder}/`) && !isSourceRoot(file.folder)) return undefined;
  const own = layers.get(file.folder);
  const other = layers.get(targetFolder);
  // compareFolders reports the missing row.
  if (own === undefined || other === undefined) return undefined;
  // Folders one inside the other, on one layer, are one folder for this rule; so are the root and any lowest folder.
  if (other < own || (other === own && file.folder.startsWith(`${targetFolder}/`))) return undefined;
  return `${file.folder} (L${own}) may not import ${targetFolder} (L${other}): only lower layers and its own folder`;
}

/**
 * Between the packages of this workspace the same rule holds: the whole of one is below the whole of the other.
 *
 * @param {SourceFile} file
 * @param {string} specifier
 * @param {{ layers: ReadonlyMap<string, number>, names: ReadonlyMap<string, string> }} facts
 */
function judgePackageImport(file, specifier, { layers, names }) {
  const imported = [...names].find(([name]) => specifier === name || specifier.startsWith(`${name}/`));
  if (imported === undefined) return undefined;
  const [name, directory] = imported;
  const importedLayers = [...layers]
    .filter(([folder]) => packageOf(folder) === directory)
    .map(([, layer]) => layer);
  const own = layers.get(file.folder);
  if (own === undefined || importedLayers.every((layer) => layer < own)) return undefined;
  return `${file.folder} (L${own}) may not import ${name}, which is not wholly below it`;
}

/**
 * @param {string} root
 * @param {readonly SourceFile[]} files
 * @returns {{ names: Map<string, string>, entries: Set<string> }} Directory names by package names, and the sources
 *   of what `exports` names.
 */
function readPackages(root, files) {
  /** @type {Map<string, string>} */
  const names = new Map();
  /** @type {Set<string>} */
  const entries = new Set();
  for (const directory of new Set(files.map(({ path }) => packageOf(path)))) {
    const path = join(root, 'packages', directory, 'package.json');
    if (!existsSync(path)) continue;
    const { name, exports = {} } =
      /** @type {{ name: string, exports?: Record<string, string | { default?: string }> }} */ (
        JSON.parse(readFileSync(path, 'utf8'))
      );
    names.set(name, directory);
    for (const target of Object.values(exports)) {
      const built = /^\.\/dist\/(?:bundle\/)?(.*)\.js$/.exec(
        typeof target === 'string' ? target : (target.default ?? ''),
      );
      if (built) entries.add(`packages/${directory}/src/${built[1]}.ts`);
    }
  }
  return { names, entries };
}

/**
 * Two types of one name make every mention of it ambiguous.
 *
 * @param {readonly SourceFile[]} files
 */
function findSharedNames(files) {
  /** @type {Map<string, string[]>} */
  const byName = new Map();
  for (const { path, types } of files) {
    for (const name of types) {
      const key = `${packageOf(path)} ${name}`;
      byName.set(key, [...(byName.get(key) ?? []), path]);
    }
  }
  return [...byName]
    .filter(([, paths]) => paths.length > 1)
    .map(([key, paths]) => `${paths.join(' and ')} both export a type called ${key.split(' ')[1]}`);
}

/** @param {string} path */
function packageOf(path) {
  return path.split('/')[1] ?? '';
}

/** @param {string} folder */
function isSourceRoot(folder) {
  return folder.endsWith('/src');
}

if (process.argv[1] === import.meta.filename) {
  const problems = findLayerProblems();
  for (const problem of problems) console.error(problem);
  console.log(problems.length === 0 ? 'layers: all is well' : `layers: ${problems.length} problems`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
