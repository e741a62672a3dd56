import { createAdaptorServer } from '@hono/node-server';
import { listen } from './adapter-under-test.js';
import { underFetch } from './fetch.js';
import { startFetchHost } from './fetch-host.js';
import { testAdapter } from './suite.js';

testAdapter(underFetch('a host of its own', startFetchHost));
testAdapter(underFetch('@hono/node-server', (fetch) => listen(createAdaptorServer({ fetch }))));
