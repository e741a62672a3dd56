import { underNest } from './nest.js';
import { testAdapter } from './suite.js';

testAdapter(underNest('express', 'middleware', []));
testAdapter(underNest('express', 'controller', []));
// Middleware of Fastify's stands before parsers, and Fastify goes no further once a response has ended.
testAdapter(underNest('fastify', 'middleware', ['parsed-body', 'middleware']));
testAdapter(underNest('fastify', 'controller', ['middleware']));
