import { createProxy, mount, stripPrefix } from 'sluiceway';
import { toFetch } from 'sluiceway/fetch';

const files = createProxy({ upstream: process.env.ORIGIN ?? 'http://127.0.0.1:9000' });

export const handler = toFetch(mount({ '/files': stripPrefix('/files', files) }), {
  // The host in server.js closes the connection if a response breaks off: see docs/fetch-hosts.md.
  allowUndetectableTruncation: true,
});
