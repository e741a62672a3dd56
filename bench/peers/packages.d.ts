// The peers are installed only for a run of the bench, so type checks must do without their types.
declare module '@fastify/http-proxy';
declare module 'http-proxy-3';
declare module 'httpxy';
declare module 'http-proxy-middleware';
declare module 'express-http-proxy';
