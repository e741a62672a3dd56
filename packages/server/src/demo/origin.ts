import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { parseBytes } from 'sluiceway';
import { FileDigests } from './file-digests.js';
import { seededViews } from './seeded-content.js';
import { sendFile } from './send-file.js';

/** The seed of every file of the demonstration. */
export const demoSeed = 'sluiceway demonstration';

const lastModified = 'Wed, 01 Jan 2025 00:00:00 GMT';

/** For larger files, the digest would take too long for a response. */
const maxDigestBytes = 16 * 2 ** 30;

const listing = `Files of any size, made up while they are sent. Each begins like every other.

  /files/<size>          the file: /files/1MiB, /files/5GiB, /files/1000000
  /files/<size>.sha256   its SHA-256, up to 16GiB; computed when first asked for
  /broken/<size>         the same file, but each response breaks off before its end

Range, If-Range, If-None-Match and HEAD are understood.
`;

/** The origin server of the demonstration. Uses no disk, and sends as fast as the client reads. */
export function createOrigin(): Server {
  const digests = new FileDigests(demoSeed);
  return createServer((request, response) => {
    // If the client leaves, sending fails, and there is no one to report it to.
    answer(request, response, digests).catch((error: unknown) => response.destroy(error as Error));
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  digests: FileDigests,
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return sendText(request, response, 405, 'Only GET and HEAD.\n', { Allow: 'GET, HEAD' });
  }
  const path = request.url?.split('?', 1)[0] ?? '/';
  if (path === '/') return sendText(request, response, 200, listing);

  const [, folder, name = '', wantsDigest] = /^\/(files|broken)\/([^/]+?)(\.sha256)?$/.exec(path) ?? [];
  const size = readSize(name);
  if (size === null) return sendText(request, response, 404, `There is no such file.\n\n${listing}`);
  if (wantsDigest === undefined) {
    return sendFile(request, response, {
      size,
      contentType: 'application/octet-stream',
      validators: { etag: `"demo-${size}"`, lastModified },
      read: (start, end) =>
        folder === 'broken' ? brokenViews(start, end, size) : seededViews(demoSeed, start, end - start),
    });
  }
  if (size > maxDigestBytes)
    return sendText(request, response, 404, 'The digest of so large a file would take too long.\n');
  return sendText(request, response, 200, `${await digests.get(size)}  ${name}\n`);
}

/** Yields at most 40 % of the file, and then fails: the whole file takes three responses. */
function* brokenViews(start: number, end: number, size: number): Generator<Buffer, void> {
  const most = Math.ceil(size * 0.4);
  yield* seededViews(demoSeed, start, Math.min(end - start, most));
  if (end - start > most) throw new Error('This is where the response breaks off');
}

function readSize(name: string): number | null {
  try {
    return parseBytes(name);
  } catch {
    return null;
  }
}

function sendText(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  text: string,
  fields: Record<string, string> = {},
): void {
  response.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    ...fields,
  });
  response.end(request.method === 'HEAD' ? undefined : text);
}
