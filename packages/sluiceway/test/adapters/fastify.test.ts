import fastify from 'fastify';
import fastify50 from 'fastify50';
import { underFastify } from './fastify.js';
import { testAdapter } from './suite.js';

testAdapter(underFastify('5.12', fastify));
testAdapter(underFastify('5.0', fastify50));
