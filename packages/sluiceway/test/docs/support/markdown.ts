import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const rootUrl = new URL('../../../../../', import.meta.url);

export const repositoryRoot: string = fileURLToPath(rootUrl);

export interface Block {
  /** `docs/hooks.md:42`, for messages. */
  where: string;
  language: string;
  /** What `<!-- test: … -->` above the block says; null without one. */
  check: string | null;
  text: string;
}

export interface Page {
  /** From the root of the repository. */
  path: string;
  lines: readonly string[];
  /** `lines` with those of code blocks emptied. */
  prose: readonly string[];
  blocks: readonly Block[];
}

/** The pages whose code blocks are run. */
export const userPages: readonly string[] = [
  'README.md',
  'packages/sluiceway/README.md',
  'packages/server/README.md',
  ...readdirSync(new URL('docs/', rootUrl))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

export function readPage(path: string): Page {
  const lines = readFileSync(new URL(path, rootUrl), 'utf8').split('\n');
  const prose: string[] = [];
  const blocks: Block[] = [];
  let open: { block: Block; content: string[] } | null = null;
  for (const [index, line] of lines.entries()) {
    const fence = /^\s*```(\w*)\s*$/.exec(line);
    if (open === null && fence !== null) {
      const check = /^<!-- test: (.+) -->$/.exec(lines[index - 1] ?? '')?.[1] ?? null;
      const block = { where: `${path}:${index + 1}`, language: fence[1] ?? '', check, text: '' };
      open = { block, content: [] };
    } else if (open !== null && fence !== null) {
      blocks.push({ ...open.block, text: `${open.content.join('\n')}\n` });
      open = null;
    } else if (open !== null) {
      open.content.push(line);
      prose.push('');
      continue;
    }
    prose.push(fence === null ? line : '');
  }
  if (open !== null) throw new Error(`${open.block.where}: the code block does not end`);
  return { path, lines, prose, blocks };
}

/** Rows without head and rule, each a list of cells. */
export type Table = string[][];

/** The tables below a line `<!-- marker -->`; fails where there is none. */
export function tablesUnder(page: Page, marker: string): Table[] {
  const tables = page.lines.flatMap((line, index) => {
    return line === `<!-- ${marker} -->` ? [readTable(page, index + 1)] : [];
  });
  if (tables.length === 0) throw new Error(`${page.path} has no table under <!-- ${marker} -->`);
  return tables;
}

/** The one table below a line `<!-- marker -->`. */
export function tableUnder(page: Page, marker: string): Table {
  const [table, ...more] = tablesUnder(page, marker);
  if (table === undefined || more.length > 0)
    throw new Error(`${page.path} has several tables under <!-- ${marker} -->`);
  return table;
}

function readTable(page: Page, from: number): Table {
  const rows: Table = [];
  for (let at = from; page.lines[at]?.startsWith('|') === true; at += 1) {
    const line = page.lines[at] as string;
    rows.push(
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  }
  const [head, , ...body] = rows;
  if (head === undefined || body.length === 0) throw new Error(`${page.path}:${from + 1} is no table`);
  for (const row of body) {
    if (row.length !== head.length) throw new Error(`${page.path}: ${row[0]} has ${row.length} cells`);
  }
  return body;
}

/** What stands in backticks in a text. */
export const codesIn = (text: string): string[] =>
  Array.from(text.matchAll(/`([^`]+)`/g), ([, code]) => code ?? '');

/** The text of a cell whose whole content is in backticks, or the cell as it is. */
export const bare = (cell: string): string => /^`([^`]*)`$/.exec(cell)?.[1] ?? cell;
