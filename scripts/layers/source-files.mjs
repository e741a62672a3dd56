import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative } from 'node:path';
import { parseSync } from 'oxc-parser';

/**
 * @typedef {object} Import
 * @property {string} specifier As written.
 * @property {string | undefined} target The file it leads to, relative to the workspace; absent for a package or a built-in.
 * @property {boolean} typeOnly Erased by the compiler as a whole statement.
 * @property {number} line
 */

/**
 * @typedef {object} SourceFile
 * @property {string} path Relative to the workspace, with `/`.
 * @property {string} folder
 * @property {number} lines
 * @property {string} topComment The comments before the first statement.
 * @property {boolean} barrel Whether it contains nothing but re-exports.
 * @property {Import[]} imports
 * @property {string[]} types The classes, interfaces and type aliases that it declares and exports.
 */

/**
 * Every TypeScript file under `packages/*` `/src`, and every folder there that holds a file of any kind.
 *
 * @param {string} root
 * @returns {{ files: SourceFile[], folders: Set<string> }}
 */
export function readSources(root) {
  /** @type {SourceFile[]} */
  const files = [];
  /** @type {Set<string>} */
  const folders = new Set();
  for (const name of readdirSync(join(root, 'packages')).toSorted()) {
    const source = `packages/${name}/src`;
    if (!existsSync(join(root, source))) continue;
    for (const entry of readdirSync(join(root, source), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/');
      // A folder that only holds folders is real too.
      for (let folder = posix.dirname(path); folder.length > source.length; folder = posix.dirname(folder)) {
        folders.add(folder);
      }
      if (path !== `${source}/index.ts`) folders.add(posix.dirname(path));
      if (path.endsWith('.ts')) files.push(readSource(root, path));
    }
  }
  return { files: files.toSorted((a, b) => a.path.localeCompare(b.path)), folders };
}

/**
 * @param {string} root
 * @param {string} path
 * @returns {SourceFile}
 */
function readSource(root, path) {
  const text = readFileSync(join(root, path), 'utf8');
  const { program, comments, module, errors } = parseSync(path, text);
  const [error] = errors;
  if (error !== undefined) throw new SyntaxError(`${path}: ${error.message}`);

  /**
   * @param {string} specifier
   * @param {number} start
   * @param {boolean} typeOnly
   * @returns {Import}
   */
  const toImport = (specifier, start, typeOnly) => ({
    specifier,
    target: resolveImport(root, path, specifier),
    typeOnly,
    line: text.slice(0, start).split('\n').length,
  });

  const imports = [
    // `import { type A }` leaves an import behind at run time: only the statement's own `type` removes it.
    ...module.staticImports.map(({ moduleRequest, start, end }) =>
      toImport(moduleRequest.value, start, /^import\s+type\b/.test(text.slice(start, end))),
    ),
    ...module.staticExports.flatMap(({ start, end, entries: [entry] }) =>
      entry?.moduleRequest
        ? [toImport(entry.moduleRequest.value, start, /^export\s+type\b/.test(text.slice(start, end)))]
        : [],
    ),
    ...module.dynamicImports.flatMap(({ start, moduleRequest }) => {
      const literal = /^(['"`])(.*)\1$/.exec(text.slice(moduleRequest.start, moduleRequest.end))?.[2];
      return literal === undefined ? [] : [toImport(literal, start, false)];
    }),
  ];

  const firstStatement = program.body[0]?.start ?? text.length;
  return {
    path,
    folder: posix.dirname(path),
    lines: text.split('\n').length - (text.endsWith('\n') ? 1 : 0),
    topComment: comments
      .filter(({ end }) => end <= firstStatement)
      .map(({ value }) => value)
      .join('\n'),
    barrel:
      program.body.length > 0 &&
      program.body.every(
        (node) =>
          node.type === 'ExportAllDeclaration' ||
          (node.type === 'ExportNamedDeclaration' && node.source !== null),
      ),
    imports,
    types: [...text.matchAll(/^export (?:declare |abstract )*(?:class|interface|type) (\w+)/gm)].map(
      ([, name]) => name ?? '',
    ),
  };
}

/**
 * @param {string} root
 * @param {string} from
 * @param {string} specifier
 * @returns {string | undefined}
 */
function resolveImport(root, from, specifier) {
  if (!specifier.startsWith('.')) return undefined;
  const written = posix.join(posix.dirname(from), specifier);
  const source = written.replace(/\.js$/, '.ts');
  return existsSync(join(root, source)) ? source : written;
}
