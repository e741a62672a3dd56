#!/usr/bin/env node
// @ts-check
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { parseSize, select } from '../lib/options.mjs';
import { stopPrograms } from '../lib/program.mjs';
import { scenarios } from './scenarios.mjs';
import { subjects } from './subjects.mjs';

const usage = `Usage: node bench/groups/run.mjs [options]

Groups of three origin servers behind Sluiceway, HAProxy and Caddy, with comparable settings. Prints a table for each
scenario.

  --only <names>        scenarios: ${Object.keys(scenarios).join(', ')}
  --peers <names>       ${subjects.map(({ name }) => name).join(', ')}
  --requests <n>        small requests (default 3000)
  --downloads <n>       downloads while servers are killed (default 600)
  --size <size>         size of each (default 50MB)
  --large <size>        size of downloads while a server trickles (default 100MB)
  --large-downloads <n> their number (default 60)
  --rate <size>         bytes per second that a healthy server then gives each download (default 20MB)`;

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    peers: { type: 'string' },
    requests: { type: 'string', default: '3000' },
    downloads: { type: 'string', default: '600' },
    size: { type: 'string', default: '50MB' },
    large: { type: 'string', default: '100MB' },
    'large-downloads': { type: 'string', default: '60' },
    rate: { type: 'string', default: '20MB' },
    help: { type: 'boolean', default: false },
  },
});

const sizes = {
  requests: Number(values.requests),
  downloads: Number(values.downloads),
  size: parseSize(values.size),
  large: parseSize(values.large),
  largeDownloads: Number(values['large-downloads']),
  rate: parseSize(values.rate),
};

/** @param {readonly (readonly string[])[]} rows */
const toTable = (rows) => rows.map((row) => `| ${row.join(' | ')} |`).join('\n');

async function main() {
  const all = Object.entries(scenarios).map(([name, scenario]) => ({ name, ...scenario }));
  const chosen = select(subjects, values.peers?.split(','), 'peer');
  const dir = await mkdtemp(path.join(tmpdir(), 'sluiceway-groups-'));
  try {
    for (const scenario of select(all, values.only?.split(','), 'scenario')) {
      /** @type {string[][]} */
      const rows = [];
      for (const subject of chosen) {
        if (subject.tool() === undefined) {
          process.stderr.write(`${subject.name} is not installed\n`);
          continue;
        }
        const figures = await scenario.run(subject, dir, sizes);
        if (rows.length === 0)
          rows.push(['', ...Object.keys(figures)], ['---', ...Object.keys(figures).map(() => '---')]);
        rows.push([subject.name, ...Object.values(figures)]);
      }
      process.stdout.write(`\n${scenario.title}\n\n${toTable(rows)}\n`);
    }
  } finally {
    await stopPrograms();
    await rm(dir, { recursive: true });
  }
}

if (values.help) process.stdout.write(`${usage}\n`);
else await main();
