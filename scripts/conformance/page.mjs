// Writes the page out of the behaviours and of the differences that are kept by hand.
import { posix } from 'node:path';
import { headingOf, headings } from './topics.mjs';

/** @import { Behaviour } from './titles.mjs' */

/** @typedef {Behaviour & { file: string }} Row The file is a path from the root of the repository. */

/**
 * @typedef {object} Difference
 * @property {string} others Who does what, otherwise than Sluiceway.
 * @property {string} ours
 * @property {string} why
 */

const introduction = `# Conformance

<!-- Made by \`npm run conformance\` from the titles of the tests and from conformance-differences.json. -->

What Sluiceway does, one line for each behaviour. Each line is the title of a test that fails when the line is
not true. The source says who prescribes the behaviour, or whose users expect it: a section of a standard,
another proxy, or \`Sluiceway\` for a promise of its own.
`;

const differencesIntroduction = `## Differences

Where Sluiceway does on purpose what other proxies do not. What nginx and HAProxy make of the same exchanges is
compared on [a page of its own](differences.md).
`;

/**
 * @param {readonly Row[]} rows In the order of each file.
 * @param {readonly Difference[]} differences
 */
export function formatPage(rows, differences) {
  const topics = headings
    .map((heading) => ({ heading, rows: rows.filter(({ file }) => headingOf(file) === heading) }))
    .filter((topic) => topic.rows.length > 0);
  const contents = [...topics.map(({ heading }) => heading), 'Differences'].map(
    (heading) => `- [${heading}](#${toAnchor(heading)})\n`,
  );
  return [
    introduction,
    contents.join(''),
    ...topics.map((topic) => formatTopic(topic)),
    formatDifferences(differences),
  ].join('\n');
}

/** @param {{ heading: string, rows: readonly Row[] }} topic */
function formatTopic({ heading, rows }) {
  const files = [...new Set(rows.map(({ file }) => file))].toSorted();
  const lines = files.flatMap((file) => [
    ...new Set(rows.filter((row) => row.file === file).map((row) => formatRow(row))),
  ]);
  const links = files.map((file) => `[${labelOf(file)}]: ${posix.relative('docs', file)}`);
  const head = '| Behaviour | Source | Test |\n| --- | --- | --- |';
  return `## ${heading}\n\n${head}\n${lines.join('\n')}\n\n${links.join('\n')}\n`;
}

/** @param {Row} row */
function formatRow({ text, sources, file }) {
  return `| ${escapeCell(text)} | ${sources.join('; ')} | [${labelOf(file)}] |`;
}

/**
 * What a row calls its test file: `conformance/streaming`, or `server/cli` for another package.
 *
 * @param {string} file
 */
function labelOf(file) {
  const [, name, path] = /^packages\/([^/]+)\/test\/(.*)\.test\.ts$/.exec(file) ?? ['', '', file];
  return name === 'sluiceway' ? path : posix.join(name ?? '', path ?? '');
}

/**
 * What GitHub calls a heading in links.
 *
 * @param {string} heading
 */
const toAnchor = (heading) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\- ]/gu, '')
    .replaceAll(' ', '-');

/** @param {readonly Difference[]} differences */
function formatDifferences(differences) {
  const lines = differences.map(
    ({ others, ours, why }) => `| ${[others, ours, why].map((cell) => escapeCell(cell)).join(' | ')} |`,
  );
  return `${differencesIntroduction}\n| Others | Sluiceway | Why |\n| --- | --- | --- |\n${lines.join('\n')}\n`;
}

/**
 * A title may hold any characters, as tests of odd input do: they are shown, and do not act as Markdown. What
 * stands in backticks stays there.
 *
 * @param {string} text
 */
function escapeCell(text) {
  return text
    .replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => escapeControl(character))
    .split(/(`[^`]+`)/)
    .map((part, index) => (index % 2 === 1 ? part : part.replaceAll(/[\\`*_<>[\]~]/g, '\\$&')))
    .join('')
    .replaceAll('|', '\\|');
}

/** @param {string} character */
function escapeControl(character) {
  // JSON has the short names, but only for the old control characters.
  const json = JSON.stringify(character).slice(1, -1);
  return json === character ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : json;
}
