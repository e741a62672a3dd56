/** Older versions under names of their own: what the tests use of them has the types of the newest. */
declare module 'express4' {
  export { default } from 'express';
}

declare module 'koa2' {
  export { default } from 'koa';
}

declare module 'fastify50' {
  export { default } from 'fastify';
}

declare module 'hono45' {
  export * from 'hono';
}

declare module 'hono-server1' {
  export * from '@hono/node-server';
}
