import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  type LineCounter,
  type Node,
  type Pair,
} from 'yaml';
import type { Position } from './config-error.js';

/**
 * Finds a path such as `routes[0].proxy.timeouts` in a document: the value of an option, or its key if `atKey` is true or
 * the value is an object or a list. If the document does not have the path, finds the innermost object on it.
 */
export function locate(
  document: Document,
  lines: LineCounter,
  path: string,
  atKey: boolean,
): Position | null {
  let node: unknown = document.contents;
  let found: Node | null = isNode(node) ? node : null;
  let rest = path;
  while (rest !== '' && node !== undefined && node !== null) {
    const step = isSeq(node) ? intoItem(node.items, rest) : intoEntry(document, node, rest);
    if (step === null) break;
    rest = step.rest;
    node = step.value;
    const isInside = rest !== '';
    const value = isNode(node) && isScalar(node) ? node : null;
    found = isInside || atKey || value === null ? (step.key ?? (isNode(node) ? node : found)) : value;
    if (isAlias(node)) node = node.resolve(document);
  }
  const offset = found?.range?.[0];
  if (offset === undefined) return null;
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

interface Step {
  rest: string;
  key: Node | null;
  value: unknown;
}

function intoItem(items: readonly unknown[], path: string): Step | null {
  const match = /^\[(\d+)\]\.?/.exec(path);
  if (match === null) return null;
  return { rest: path.slice(match[0].length), key: null, value: items[Number(match[1])] };
}

/** Finds the longest key that the path begins with: keys can contain dots. */
function intoEntry(document: Document, node: unknown, path: string): Step | null {
  let best: { pair: Pair; name: string } | null = null;
  for (const { pair, name } of entriesOf(document, node)) {
    const next = path.charAt(name.length);
    if (!path.startsWith(name) || !['', '.', '['].includes(next)) continue;
    if (best === null || name.length > best.name.length) best = { pair, name };
  }
  if (best === null) return null;
  const { pair, name } = best;
  return {
    rest: path.slice(name.length).replace(/^\./, ''),
    key: isNode(pair.key) ? pair.key : null,
    value: pair.value,
  };
}

/** The pairs of a map, followed by those that it merges from others with `<<`. */
function entriesOf(document: Document, node: unknown): { pair: Pair; name: string }[] {
  if (isAlias(node)) return entriesOf(document, node.resolve(document));
  if (isSeq(node)) return node.items.flatMap((item) => entriesOf(document, item));
  if (!isMap(node)) return [];
  const own = node.items.filter(isPair).map((pair) => ({ pair, name: nameOf(pair) }));
  const merged = own.filter(({ name }) => name === '<<');
  return [...own, ...merged.flatMap(({ pair }) => entriesOf(document, pair.value))];
}

/** The name of a key. The merge key `<<` is a symbol. */
function nameOf({ key }: Pair): string {
  if (!isScalar(key)) return String(key);
  return typeof key.value === 'symbol' ? '<<' : String(key.value);
}
