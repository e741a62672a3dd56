import { createServer } from 'node:http';
import { attach, createProxy, mount, stripPrefix } from 'sluiceway';

const { ORIGIN = 'http://127.0.0.1:9000', PORT = '8080', VIDEO = 'clip.webm' } = process.env;

const page = `<!doctype html>
<title>Video</title>
<video controls src="/videos/${VIDEO}"></video>`;

const videos = createProxy({ upstream: ORIGIN });

// The hook answers with the page. Range requests of the player pass unchanged.
const site = createProxy({
  onRequest: ({ request: { path } }) =>
    path === '/'
      ? { status: 200, headers: { 'Content-Type': 'text/html; charset=utf-8' }, content: page }
      : { status: 404 },
});

const server = createServer();
attach(server, mount({ '/videos': stripPrefix('/videos', videos), '/': site }));
server.listen(Number(PORT));
