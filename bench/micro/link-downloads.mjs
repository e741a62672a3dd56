#!/usr/bin/env node
// Measures the cost of a download through an encrypted link, relative to the plain proxy: `node
// bench/micro/link-downloads.mjs [--enforce]`, after `npm run build`.
// @ts-check
import { createServer } from 'node:http';
import { attach, createProxy } from 'sluiceway';
import { createDownloadGateway, generateKey } from 'sluiceway/gateway';
import { listen } from '../lib/listen.mjs';
import { comparePairs } from '../lib/pairs.mjs';

const names = { usual: 'plain proxy', other: 'encrypted link', bar: 1.05 };
const isWithin = await comparePairs(names, async (upstream) => {
  const [plainServer, linkServer] = [createServer(), createServer()];
  attach(plainServer, createProxy({ upstream }));
  const gateway = createDownloadGateway({
    keys: [generateKey()],
    guard: { allowAddresses: ['127.0.0.0/8'], allowPorts: 'any' },
  });
  attach(linkServer, gateway);
  return {
    usual: `${await listen(plainServer)}/file`,
    other: `${await listen(linkServer)}${gateway.sign({ url: `${upstream}/file`, expires: '1h' })}`,
  };
});
process.exit(process.argv.includes('--enforce') && !isWithin ? 1 : 0);
