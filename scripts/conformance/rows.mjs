// The rows of docs/conformance.md, each for a section of a standard with its subsections.

/** @import { Behaviour } from './list.mjs' */

const standard = /^(?:RFC|CVE|CWE|WHATWG|W3C|draft|POSIX)[ -]/;

/**
 * @param {string} page
 * @returns {Set<string>} The first cell of each row that names a standard.
 */
export function readRows(page) {
  const cells = page
    .split('\n')
    .map((line) => /^\| ((?:RFC|CVE|CWE|WHATWG|W3C|draft|POSIX)[ -][^|]*?) \|/.exec(line)?.[1]);
  return new Set(cells.filter((cell) => cell !== undefined));
}

/**
 * The row that covers a source: its own, or that of the nearest section around it.
 *
 * @param {ReadonlySet<string>} rows
 * @param {string} source
 */
export function rowOf(rows, source) {
  for (let section = source; section !== ''; section = outer(section)) if (rows.has(section)) return section;
  return undefined;
}

/**
 * `RFC 9110 8.8.1` is in `RFC 9110 8.8`, which is in `RFC 9110 8`, which is in `RFC 9110`.
 *
 * @param {string} section
 */
const outer = (section) => /^(.* .*|draft-\S+)[ .][^ .]+$/.exec(section)?.[1] ?? '';

/**
 * @param {ReadonlySet<string>} rows
 * @param {readonly Behaviour[]} behaviours
 * @returns {string[]} one line for each standard without a row, and for each row without a test
 */
export function compareRows(rows, behaviours) {
  const sources = new Set(behaviours.flatMap((behaviour) => behaviour.sources));
  const named = [...sources].filter((source) => standard.test(source));
  const covered = new Set(named.map((source) => rowOf(rows, source)));
  return [
    ...named
      .filter((source) => rowOf(rows, source) === undefined)
      .map((source) => `docs/conformance.md: no row covers ${source}, which tests name`),
    ...[...rows]
      .filter((row) => !covered.has(row))
      .map((row) => `docs/conformance.md: no test names the row ${row}, nor a section in it`),
  ];
}
