// Formats the full list of behaviours.
import { posix } from 'node:path';
import { headingOf, headings } from './topics.mjs';

/** @import { Title } from './titles.mjs' */

/** @typedef {Title & { file: string }} Behaviour The file is a path from the root of the repository. */

const introduction = `# Tested behaviours

One line for each behaviour. Each line is the title of a test that fails if the line is not true. The source is a
section of a standard, another proxy whose users expect the behaviour, or \`Sluiceway\` for a promise of its own.
`;

/** @param {readonly Behaviour[]} behaviours In the order of each file. */
export function formatList(behaviours) {
  const topics = headings
    .map((heading) => ({ heading, rows: behaviours.filter(({ file }) => headingOf(file) === heading) }))
    .filter((topic) => topic.rows.length > 0);
  const contents = topics.map(({ heading }) => `- [${heading}](#${toAnchor(heading)})\n`);
  return [introduction, contents.join(''), ...topics.map((topic) => formatTopic(topic))].join('\n');
}

/** @param {{ heading: string, rows: readonly Behaviour[] }} topic */
function formatTopic({ heading, rows }) {
  const files = [...new Set(rows.map(({ file }) => file))].toSorted();
  const lines = files.flatMap((file) => [
    ...new Set(rows.filter((row) => row.file === file).map((row) => formatRow(row))),
  ]);
  const links = files.map((file) => `[${labelOf(file)}]: ${posix.relative('coverage', file)}`);
  const head = '| Behaviour | Source | Test |\n| --- | --- | --- |';
  return `## ${heading}\n\n${head}\n${lines.join('\n')}\n\n${links.join('\n')}\n`;
}

/** @param {Behaviour} row */
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
