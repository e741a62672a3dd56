// `npm run options`: writes what the descriptions of the options determine: the tables of the documents below
// `<!-- options: … -->`, and the comments of the options in the sources, which editors show. `-- --check` compares.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from './build.mjs';
import { formatComments } from './options/comments.mjs';
import { formatTables, pages } from './options/tables.mjs';
import { root } from './support.mjs';

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
build();
/** @type {typeof import('sluiceway/options')} */
const { documentedOptions, listOptions } = await import('sluiceway/options');

/** @param {string} path */
const read = (path) => readFileSync(join(root, path), 'utf8');
/** @type {typeof import('../packages/server/src/config/options.js')} */
const { configMembers } = await import('../packages/server/dist/config/options.js');
const roots = { ...documentedOptions, config: configMembers };
const wanted = new Map(pages.map((page) => [page, formatTables(read(page), roots)]));
for (const [path, text] of formatComments(root, documentedOptions, listOptions)) wanted.set(path, text);

const changed = Array.from(wanted).filter(([path, text]) => read(path) !== text);
for (const [path, text] of changed) {
  if (values.check) process.stderr.write(`${path} is not up to date: run npm run options\n`);
  else writeFileSync(join(root, path), text);
}
if (values.check && changed.length > 0) process.exitCode = 1;
