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
 * Where a path such as `routes[0].proxy.timeouts` is in a document: the value of an option, or its key where
 * `atKey` is true or the value is an object or a list. A path that the document does not have leads to the innermost
 * object that it has.
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

/** Keys may have dots: the longest one that the path begins with is meant. */
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

/** The pairs of a map, and after them those that it takes from others by `<<`. */
function entriesOf(document: Document, node: unknown): { pair: Pair; name: string }[] {
  if (isAlias(node)) return entriesOf(document, node.resolve(document));
  if (isSeq(node)) return node.items.flatMap((item) => entriesOf(document, item));
  if (!isMap(node)) return [];
  const own = node.items.filter(isPair).map((pair) => ({ pair, name: nameOf(pair) }));
  const merged = own.filter(({ name }) => name === '<<');
  return [...own, ...merged.flatMap(({ pair }) => entriesOf(document, pair.value))];
}

/** The key `<<` is a symbol where it merges. */
function nameOf({ key }: Pair): string {
  if (!isScalar(key)) return String(key);
  return typeof key.value === 'symbol' ? '<<' : String(key.value);
}
