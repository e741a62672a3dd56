import { createServer } from 'node:http';
import express from 'express';
import { createProxy } from 'sluiceway';
import { attachUpgrades, streamFrom, toExpress } from 'sluiceway/express';

const { ORIGIN = 'http://127.0.0.1:9000', PORT = '8080' } = process.env;

const files = createProxy({ upstream: ORIGIN });
const trusted = Object.freeze({ addresses: 'any' });

/** @type {express.RequestHandler} */
const requireKey = (request, response, next) => {
  if (request.get('X-Api-Key') === 'let-me-in') next();
  else response.status(401).json({ error: 'Key required' });
};

const app = express();

// Everything under /files, uploads included, for clients with a key. Body parsers come after it.
app.use('/files', requireKey, toExpress(files));

// One file at its own path, for everyone.
app.get('/logo', (request, response) => streamFrom(request, response, `${ORIGIN}/static/logo.png`, trusted));

app.use(express.json());
app.post('/echo', (request, response) => void response.json(request.body));

const server = createServer(app);
attachUpgrades(server, files, { path: '/files' });
server.listen(Number(PORT));
