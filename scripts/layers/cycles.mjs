/** @import { SourceFile } from './source-files.mjs' */

/**
 * Finds import cycles between files, one per knot. Type-only imports count: files whose types need each other can only
 * be understood together.
 *
 * @param {readonly SourceFile[]} files
 * @returns {string[][]} each as the paths along the cycle, beginning and ending with the same file
 */
export function findCycles(files) {
  const graph = new Map(
    files.map(({ path, imports }) => [
      path,
      imports.flatMap(({ target }) => (target === undefined ? [] : [target])),
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
