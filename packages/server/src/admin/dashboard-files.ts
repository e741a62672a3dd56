import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

/** A file of the dashboard, as it is sent. */
export interface DashboardFile {
  type: string;
  content: Buffer;
  gzip: Buffer;
  /** Without quotes. */
  tag: string;
}

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Markup and styles, and what tsc makes of `src/dashboard`. Both are the same from `src/admin` and `dist/admin`. */
const folders = ['../../dashboard/', '../../dist/dashboard/'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

/** Files of the package uplot that the page loads. */
const chartFiles = ['uPlot.iife.min.js', 'uPlot.min.css'];

/**
 * Reads the files of the dashboard by name; `index.html` is the page. `attributes` are set on its root element, and tell its
 * code about the server.
 */
export function readDashboard(
  attributes: Readonly<Record<string, string>>,
): ReadonlyMap<string, DashboardFile> {
  const charts = join(dirname(createRequire(import.meta.url).resolve('uplot/package.json')), 'dist');
  const paths = [
    ...folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name))),
    ...chartFiles.map((name) => join(charts, name)),
  ];
  const files = new Map<string, DashboardFile>();
  for (const path of paths) {
    const name = path.slice(dirname(path).length + 1);
    const type = TYPES[extname(name)];
    if (type !== undefined) files.set(name, toFile(type, readFileSync(path)));
  }
  const page = files.get('index.html');
  if (page !== undefined) files.set('index.html', completePage(page, files.keys(), attributes));
  return files;
}

/** Names the modules in the page, so that a browser loads them all at once. */
function completePage(
  { type, content }: DashboardFile,
  names: Iterable<string>,
  attributes: Readonly<Record<string, string>>,
): DashboardFile {
  const modules = [...names].filter((name) => name.endsWith('.js') && !name.startsWith('uPlot'));
  const links = modules.map((name) => `<link rel="modulepreload" href="/assets/${name}">`);
  const set = Object.entries(attributes).map(([name, value]) => ` data-${name}="${value}"`);
  const text = content
    .toString()
    .replace('<!-- modulepreload -->', links.join('\n    '))
    .replace('<html lang="en"', `<html lang="en"${set.join('')}`);
  return toFile(type, Buffer.from(text));
}

function toFile(type: string, content: Buffer): DashboardFile {
  const tag = createHash('sha256').update(content).digest('base64url').slice(0, 22);
  return { type, content, gzip: gzipSync(content), tag };
}
