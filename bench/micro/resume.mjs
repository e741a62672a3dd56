#!/usr/bin/env node
// Measures what `resume` costs for a download that does not break: `node bench/micro/resume.mjs [--enforce]`, after `npm
// run build`.
// @ts-check
import { createServer } from 'node:http';
import { attach, createProxy } from 'sluiceway';
import { listen } from '../lib/listen.mjs';
import { comparePairs } from '../lib/pairs.mjs';

const names = { usual: 'resume off', other: 'resume on', bar: 1.05 };
const isWithin = await comparePairs(names, async (upstream) => {
  /** @param {boolean} resume */
  const serve = async (resume) => {
    const server = createServer();
    attach(server, createProxy({ upstream, resume }));
    return `${await listen(server)}/file`;
  };
  return { usual: await serve(false), other: await serve(true) };
});
process.exit(process.argv.includes('--enforce') && !isWithin ? 1 : 0);
