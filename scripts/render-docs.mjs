// Writes the page of the documentation that the dashboard links to, for machines without internet: docs/outcomes.md as
// HTML. It knows the Markdown that our pages use, and no more.
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './support.mjs';

const source = join(root, 'docs/outcomes.md');
const target = join(root, 'packages/server/dist/dashboard/outcomes.html');

export function renderDocs() {
  const self = import.meta.filename;
  const isFresh =
    existsSync(target) && [source, self].every((path) => statSync(path).mtimeMs <= statSync(target).mtimeMs);
  if (!isFresh) writeFileSync(target, renderPage(readFileSync(source, 'utf8')));
}

/**
 * @param {string} markdown
 * @returns {string}
 */
function renderPage(markdown) {
  const title = /^# (.*)$/m.exec(markdown)?.[1] ?? 'Sluiceway';
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>${escape(title)} · Sluiceway</title>
    <link rel="icon" type="image/svg+xml" href="/assets/icon.svg">
    <link rel="stylesheet" href="/assets/base.css">
    <link rel="stylesheet" href="/assets/docs.css">
    <script type="module" blocking="render" src="/assets/theme.js"></script>
  </head>
  <body>
    <main>
<p class="back"><a href="/#failures">Dashboard</a></p>
${renderBlocks(markdown).join('\n')}
    </main>
  </body>
</html>
`;
}

/**
 * @param {string} markdown
 * @returns {string[]}
 */
function renderBlocks(markdown) {
  const blocks = [];
  // A comment marks what tests read.
  let rest = markdown.replace(/^<!--.*?-->\n/gms, '');
  while ((rest = rest.replace(/^\n+/, '')) !== '') {
    const fence = /^```\w*\n(.*?)^```$/ms.exec(rest);
    const end = fence?.index === 0 ? fence[0].length : (/\n\n|\n(?=```)|$/.exec(rest)?.index ?? rest.length);
    const block = rest.slice(0, end);
    rest = rest.slice(end);
    blocks.push(
      fence?.index === 0 ? `<pre><code>${escape(fence[1] ?? '')}</code></pre>` : renderBlock(block),
    );
  }
  return blocks;
}

/**
 * @param {string} block
 * @returns {string}
 */
function renderBlock(block) {
  const heading = /^(#+) (.*)/.exec(block);
  if (heading !== null) {
    const [, marks = '', text = ''] = heading;
    const rest = block.slice(heading[0].length).trim();
    const id = text
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-');
    const html = `<h${marks.length} id="${id}">${renderText(text)}</h${marks.length}>`;
    return rest === '' ? html : `${html}\n${renderBlock(rest)}`;
  }
  if (block.startsWith('|')) return renderTable(block);
  if (block.startsWith('- ')) {
    const items = block.split(/^- /m).slice(1);
    return `<ul>${items.map((item) => `<li>${renderText(item.trim())}</li>`).join('\n')}</ul>`;
  }
  return `<p>${renderText(block)}</p>`;
}

/** @param {string} block A row can be linked to by the code in its first cell. */
function renderTable(block) {
  const [head = [], , ...rows] = block.split('\n').map((line) =>
    line
      .trim()
      .replace(/^\||\|$/g, '')
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim()),
  );
  const cells = head.map((cell) => `<th scope="col">${renderText(cell)}</th>`).join('');
  const body = rows.map((row) => {
    const code = /^`(\w+)`$/.exec(row[0] ?? '')?.[1];
    const id = code === undefined ? '' : ` id="${code}"`;
    return `<tr${id}>${row.map((cell) => `<td>${renderText(cell)}</td>`).join('')}</tr>`;
  });
  return `<div class="wide" tabindex="0" role="region" aria-label="Table"><table><thead><tr>${cells}</tr></thead><tbody>\n${body.join('\n')}\n</tbody></table></div>`;
}

/** @param {string} text */
function renderText(text) {
  return escape(text)
    .replace(/`([^`]+)`/g, '<code>$1</code>')
    .replace(/\*\*([^*]+)\*\*/g, '<strong>$1</strong>')
    .replace(
      /\[([^\]]+)\]\(([^)]+)\)/g,
      (/** @type {string} */ _, /** @type {string} */ label, /** @type {string} */ href) => {
        // Other pages are not in the package.
        const isHere = /^(?:#|https:)/.test(href);
        return isHere ? `<a href="${href}">${label}</a>` : label;
      },
    );
}

/** @param {string} text */
function escape(text) {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
