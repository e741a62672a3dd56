// @ts-check
import { labelOf } from './results.mjs';

/** @import { Report, Result } from '../lib/types.mjs' */

const width = 760;
const left = 240;
const right = 70;
const top = 64;
const rowHeight = 30;
const barHeight = 18;

/** @param {string} text */
const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const style = `
    .panel { fill: #ffffff; stroke: #d0d7de }
    text { fill: #1f2328; font: 13px system-ui, sans-serif }
    .heading { font-size: 15px; font-weight: 600 }
    .note { fill: #59636e; font-size: 12px }
    .own { fill: #0969da }
    .native { fill: #8c959f }
    .node { fill: #bc8c3c }
    @media (prefers-color-scheme: dark) {
      .panel { fill: #0d1117; stroke: #3d444d }
      text { fill: #f0f6fc }
      .note { fill: #9198a1 }
      .own { fill: #4493f8 }
      .native { fill: #656c76 }
      .node { fill: #d29922 }
    }`;

/**
 * @param {Result} result
 * @param {number} value
 * @param {number} index
 * @param {number} scale  pixels per unit
 */
function bar(result, value, index, scale) {
  const y = top + index * rowHeight;
  const kind = result.subject.startsWith('sluiceway')
    ? 'own'
    : /^(nginx|haproxy|go)/.test(result.subject)
      ? 'native'
      : 'node';
  const length = Math.max(1, value * scale);
  const baseline = y + barHeight / 2 + 4.5;
  return `
  <text x="${left - 10}" y="${baseline}" text-anchor="end">${escape(labelOf(result))}</text>
  <rect class="${kind}" x="${left}" y="${y}" width="${length.toFixed(1)}" height="${barHeight}" rx="2"/>
  <text x="${(left + length + 8).toFixed(1)}" y="${baseline}">${value.toFixed(2)}</text>`;
}

/**
 * CPU seconds per GB of the plain download. The panel is opaque, since an image follows the reader's colour scheme
 * and the page around it may not.
 *
 * @param {Report} report
 * @returns {string | undefined} nothing where that was not measured
 */
export function drawChart(report) {
  const download = report.workloads.find(({ name }) => name === 'download');
  const rows = (download?.results ?? [])
    .flatMap((result) => {
      const value = result.median['cpuSecondsPerGB'];
      return result.status === 'ok' && value !== undefined ? [{ result, value }] : [];
    })
    .toSorted((a, b) => a.value - b.value);
  if (rows.length === 0) return undefined;
  const scale = (width - left - right) / Math.max(...rows.map(({ value }) => value));
  const height = top + rows.length * rowHeight + 40;
  const { cpu, cores, node } = report.machine;
  const description = rows.map(({ result, value }) => `${labelOf(result)} ${value.toFixed(2)}`).join(', ');
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title desc">
  <title id="title">CPU seconds per GB relayed, by proxy</title>
  <desc id="desc">Download over HTTP, median of ${download?.rounds} rounds, lower is better: ${escape(description)}.</desc>
  <style>${style}
  </style>
  <rect class="panel" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>
  <text class="heading" x="20" y="30">CPU seconds per GB relayed</text>
  <text class="note" x="20" y="49">${report.scale.bytes / 1e9} GB download over HTTP, one process each; lower is better</text>${rows.map(({ result, value }, index) => bar(result, value, index, scale)).join('')}
  <text class="note" x="20" y="${height - 16}">${escape(`${cpu}, ${cores} cores, Node ${node}`)}</text>
</svg>
`;
}
