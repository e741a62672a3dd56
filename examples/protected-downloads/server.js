import { randomBytes } from 'node:crypto';
import express from 'express';
import { toExpress } from 'sluiceway/express';
import { createDownloadGateway, generateKey } from 'sluiceway/gateway';

const { FILES = 'http://127.0.0.1:9000', PORT = '8080', PASSWORD = 'open-sesame' } = process.env;

const gateway = createDownloadGateway({
  // A random key: links stop working when the process ends. To keep them valid, use a key file: docs/signing.md.
  keys: [generateKey()],
  guard: { allowHosts: [new URL(FILES).hostname], allowAddresses: ['127.0.0.0/8'], allowPorts: 'any' },
});
const sessions = new Set();
const app = express();

app.post('/login', express.urlencoded(), (request, response) => {
  const { password } = /** @type {{ password?: string }} */ (request.body ?? {});
  if (password !== PASSWORD) return response.status(401).send('Wrong password.\n');
  const session = randomBytes(16).toString('hex');
  sessions.add(session);
  return response.cookie('session', session, { httpOnly: true, sameSite: 'strict' }).send('Welcome.\n');
});

// A logged-in user gets a link that is valid for five minutes and for one client, and hides the location of the file.
app.get('/reports/:name', (request, response) => {
  const [, session] = /(?:^|; )session=(\w+)/.exec(request.get('Cookie') ?? '') ?? [];
  if (!sessions.has(session)) return response.status(401).send('Log in first.\n');
  const { name } = request.params;
  const url = `${FILES}/${encodeURIComponent(name)}`;
  return response.redirect(
    gateway.sign({ url, expires: '5m', filename: name, clientIp: String(request.ip) }),
  );
});

app.use('/download', toExpress(gateway));
app.listen(Number(PORT));
