import fastify from 'fastify';
import { sluiceway, streamFrom } from 'sluiceway/fastify';

const { ORIGIN = 'http://127.0.0.1:9000', PORT = '8080' } = process.env;

const app = fastify({ logger: true });

// Everything under /files, uploads and WebSockets included, for clients with a key.
await app.register(sluiceway, {
  prefix: '/files',
  upstream: ORIGIN,
  websocket: true,
  preHandler: async (request, reply) => {
    if (request.headers['x-api-key'] !== 'let-me-in') await reply.code(401).send({ error: 'Key required' });
  },
});

// One file at its own path, for everyone.
await app.register(streamFrom, { addresses: 'any' });
app.get('/logo', (_request, reply) => reply.streamFrom(`${ORIGIN}/static/logo.png`));

await app.listen({ port: Number(PORT) });
