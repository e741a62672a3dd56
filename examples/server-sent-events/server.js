import compression from 'compression';
import express from 'express';
import { createProxy } from 'sluiceway';
import { toExpress } from 'sluiceway/express';

const { ORIGIN = 'http://127.0.0.1:9000', PORT = '8080' } = process.env;

const events = createProxy({
  upstream: `${ORIGIN}/events`,
  // Without these fields, compression() and nginx would buffer events.
  headers: { response: { set: { 'Cache-Control': 'no-cache, no-transform', 'X-Accel-Buffering': 'no' } } },
  // Longer than the interval of the origin server's keep-alive comments.
  timeouts: { upstreamIdle: '2m' },
});

const page = `<!doctype html>
<title>Events</title>
<pre></pre>
<script>
  new EventSource('/events').onmessage = ({ data }) => document.querySelector('pre').append(data, '\\n');
</script>
`;

const app = express();
app.use(compression());
app.get('/', (_request, response) => void response.type('html').send(page));
app.use('/events', toExpress(events));
app.listen(Number(PORT));
