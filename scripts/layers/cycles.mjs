/** @import { SourceFile } from './source-files.mjs' */

/**
 * Finds import cycles between files, one per knot. Type-only imports are left out: the compiler erases them,
 * so they cannot make a file run before the one it needs, and two types may well describe each other.
 *
 * @param {readonly SourceFile[]} files
 * @returns {string[][]} each as the paths along the cycle, beginning and ending with the same file
 */
export function findCycles(files) {
  const graph = new Map(
    files.map(({ path, imports }) => [
      path,
      imports.flatMap(({ target, typeOnly }) => (target === undefined || typeOnly ? [] : [target])),
    ]),
  );
  /** @type {string[][]} */
  const cycles = [];
  /** @type {Set<string>} */
  const finished = new Set();
  /** @type {string[]} */
  const trail = [];

  /** @param {string} path */
  const visit = (path) => {
    if (finished.has(path)) return;
    const seenAt = trail.indexOf(path);
    if (seenAt !== -1) {
      cycles.push([...trail.slice(seenAt), path]);
      return;
    }
    trail.push(path);
    for (const target of graph.get(path) ?? []) visit(target);
    trail.pop();
    finished.add(path);
  };
  for (const path of graph.keys()) visit(path);
  return cycles;
}
