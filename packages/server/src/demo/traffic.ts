import { type ClientRequest, type IncomingMessage, request as sendRequest } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { libraryFiles, uploads } from './library.js';
import { paced } from './paced.js';
import { seededViews } from './seeded-content.js';

/** Downloads that always run, so that there is something to see. */
const ALWAYS = 3;
/** Downloads of one click. One of them is by a user who stops reading now and then. */
const DOWNLOADS = 7;
/** Those, and an upload. */
export const TRAFFIC_AT_ONCE = DOWNLOADS + 1;

const PAUSE_AFTER_BYTES = 16 * 2 ** 20;
const PAUSE_MS = 12_000;

/** Clients of the demonstration. */
export class Traffic {
  readonly #base: URL;
  #next = 0;

  /** `base`: the URL of the proxy. */
  constructor(base: string) {
    this.#base = new URL(base);
  }

  /** Keeps a few downloads running. */
  keepRunning(): void {
    for (let i = 0; i < ALWAYS; i++) void this.#repeat();
  }

  /** Starts further downloads, and an upload. */
  start(): void {
    for (let i = 0; i < DOWNLOADS; i++) void this.#download(i === 2);
    void this.#upload();
  }

  async #repeat(): Promise<never> {
    for (;;) {
      await this.#download(false);
      await sleep(1000, undefined, { ref: false });
    }
  }

  /** Resolves when the download has ended, however it did. */
  async #download(isLazy: boolean): Promise<void> {
    const turn = this.#next++;
    const file = libraryFiles[turn % libraryFiles.length];
    if (file === undefined) return;
    const isMember = turn % 4 === 1;
    const request = this.#request('GET', `${isMember ? '/members' : ''}/library/${file.name}`, turn, {
      ...(isMember && { Authorization: `Basic ${Buffer.from('demo:sluiceway').toString('base64')}` }),
    });
    request.end();
    try {
      const response = await responseOf(request);
      let bytes = 0;
      for await (const chunk of response) {
        bytes += (chunk as Buffer).length;
        if (!isLazy || bytes < PAUSE_AFTER_BYTES) continue;
        bytes = 0;
        await sleep(PAUSE_MS, undefined, { ref: false });
      }
    } catch {
      // It was aborted, or could not be continued: the dashboard shows it.
    }
  }

  async #upload(): Promise<void> {
    const turn = this.#next++;
    const file = uploads[turn % uploads.length];
    if (file === undefined) return;
    const { name, size, rate } = file;
    const request = this.#request('PUT', `/library/incoming/${name}`, turn, {
      'Content-Length': String(size),
    });
    const response = responseOf(request);
    try {
      await Promise.all([
        pipeline(paced(seededViews(name, 0, size), rate), request),
        response.then((each) => each.resume()),
      ]);
    } catch {
      // The same.
    }
  }

  #request(method: string, path: string, turn: number, headers: Record<string, string>): ClientRequest {
    return sendRequest(new URL(path, this.#base), {
      method,
      agent: false,
      headers: { 'User-Agent': `demo-client/${turn % 5}`, ...headers },
      // Linux has all addresses of 127.0.0.0/8 without being asked: several clients are told apart.
      ...(process.platform === 'linux' && { localAddress: `127.0.0.${11 + (turn % 5)}` }),
    });
  }
}

const responseOf = (request: ClientRequest): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => request.once('response', resolve).once('error', reject));
