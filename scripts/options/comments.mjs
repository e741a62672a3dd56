import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync } from 'oxc-parser';
import { readSources } from '../layers/source-files.mjs';
import { describe } from './tables.mjs';

/** @import { Argument, Expression, ObjectPropertyKind } from 'oxc-parser' */
/** @import { AnySpec, Members, Place } from 'sluiceway/options' */

const WIDTH = 110;

/**
 * The sources that describe options, by path, with the comment of each option made anew. A description is found by
 * its text: in the object that holds the option, or in the constant that the option names.
 *
 * @param {string} root
 * @param {Readonly<Record<string, Members>>} roots
 * @param {(members: Members) => readonly Place[]} listOptions
 * @returns {Map<string, string>}
 */
export function formatComments(root, roots, listOptions) {
  /** @type {Map<string, string>} */
  const comments = new Map();
  for (const { spec } of Object.values(roots).flatMap((members) => listOptions(members)))
    if (spec.doc !== '') comments.set(spec.doc, commentOf(spec));
  const sources = readSources(root)
    .files.filter(({ imports }) => imports.some(({ target }) => target?.endsWith('src/options/kinds.ts')))
    .filter(({ folder }) => !folder.endsWith('src/options'))
    .map(({ path }) => {
      const text = readFileSync(join(root, path), 'utf8');
      return { path, text, constants: constantsOf(path, text) };
    });
  /** @type {Map<string, string>} */
  const named = new Map();
  for (const { name, value } of sources.flatMap(({ constants }) => constants)) {
    const doc = docIn(value, comments);
    if (doc !== undefined) named.set(name, doc);
  }
  return new Map(
    sources.map(({ path, text, constants }) => [path, writeComments(text, constants, comments, named)]),
  );
}

/**
 * @param {string} text
 * @param {Constant[]} constants
 * @param {ReadonlyMap<string, string>} comments
 * @param {ReadonlyMap<string, string>} named
 */
function writeComments(text, constants, comments, named) {
  /** @type {{ start: number, doc: string }[]} */
  const places = [];
  for (const { value } of constants) {
    if (value.type !== 'ObjectExpression') continue;
    for (const property of value.properties) {
      if (property.type !== 'Property') continue;
      const doc =
        property.value.type === 'Identifier'
          ? named.get(property.value.name)
          : docIn(property.value, comments);
      if (doc !== undefined) places.push({ start: property.start, doc });
    }
  }
  let output = text;
  for (const { start, doc } of places.toSorted((a, b) => b.start - a.start)) {
    const before = output.slice(0, start).replace(/\/\*\*(?:(?!\*\/)[^])*\*\/\s*$/, '');
    const indent = /[ \t]*$/.exec(output.slice(0, start))?.[0] ?? '';
    const clean = before.replace(/[ \t]*$/, '');
    output = `${clean}${formatComment(comments.get(doc) ?? '', indent)}\n${indent}${output.slice(start)}`;
  }
  return output;
}

/**
 * @param {string} text
 * @param {string} indent
 */
function formatComment(text, indent) {
  if (indent.length + text.length + 7 <= WIDTH) return `${indent}/** ${text} */`;
  /** @type {string[]} */
  const lines = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + 3 + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [`${indent}/**`, ...[...lines, line].map((each) => `${indent} * ${each}`), `${indent} */`].join(
    '\n',
  );
}

/**
 * What an editor shows: the links of the documents lead nowhere there.
 *
 * @param {AnySpec} spec
 */
function commentOf(spec) {
  const state = spec.required
    ? ' Required.'
    : spec.defaultText === ''
      ? ''
      : ` Default: ${spec.defaultText}.`;
  return `${describe(spec)}${state}`.replaceAll(/\[([^\]]+)\]\([^)]+\)/g, '$1');
}

/**
 * @typedef {object} Constant
 * @property {string} name
 * @property {Expression} value The node of the object, or of what makes the one option.
 */

/**
 * The constants of a file. An object that satisfies a type has comments there.
 *
 * @param {string} path
 * @param {string} text
 * @returns {Constant[]}
 */
function constantsOf(path, text) {
  const { program } = parseSync(path, text);
  return program.body.flatMap((statement) => {
    const declaration = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement;
    if (declaration?.type !== 'VariableDeclaration') return [];
    return declaration.declarations.flatMap(({ id, init }) =>
      id.type === 'Identifier' && init !== null && init.type !== 'TSSatisfiesExpression'
        ? [{ name: id.name, value: init }]
        : [],
    );
  });
}

/**
 * The description inside a call that makes an option.
 *
 * @param {Argument} node
 * @param {ReadonlyMap<string, string>} comments
 * @returns {string | undefined}
 */
function docIn(node, comments) {
  if (node.type === 'Literal')
    return typeof node.value === 'string' && comments.has(node.value) ? node.value : undefined;
  const inner =
    node.type === 'CallExpression'
      ? node.arguments
      : node.type === 'ObjectExpression'
        ? node.properties.flatMap(valueOfDoc)
        : [];
  for (const each of inner) {
    const doc = docIn(each, comments);
    if (doc !== undefined) return doc;
  }
  return undefined;
}

/**
 * @param {ObjectPropertyKind} property
 * @returns {Expression[]}
 */
function valueOfDoc(property) {
  if (property.type === 'SpreadElement') return [property.argument];
  return property.key.type === 'Identifier' && property.key.name === 'doc' ? [property.value] : [];
}
