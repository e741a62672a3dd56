import * as server from '@hono/node-server';
import * as hono from 'hono';
import * as server1 from 'hono-server1';
import * as hono45 from 'hono45';
import { underHono } from './hono.js';
import { testAdapter } from './suite.js';

testAdapter(underHono('4 on node-server 2', { ...hono, ...server }));
testAdapter(underHono('4.5 on node-server 1.19.1', { ...hono45, ...server1 }));
