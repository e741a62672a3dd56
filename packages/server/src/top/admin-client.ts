import { type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { EventParser, type StreamEvent } from '../dashboard/event-stream.js';

/** Most bytes of an answer: the list of some 100,000 transfers. */
const MAX_BYTES = 256 * 1024 * 1024;
const ANSWER_MS = 15_000;
/** The server writes a comment every 15 seconds, so a longer silence is a lost connection. */
const SILENCE_MS = 40_000;

/** An answer of the admin listener that is no success, or no answer at all. */
export class AdminError extends Error {
  override readonly name = 'AdminError';
  /** 0 if there was no answer. */
  readonly status: number;

  constructor(message: string, status: number, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
  }
}

export interface AdminClientOptions {
  /** An `http:` or `https:` URL, or `unix:` and the path of a socket. */
  admin: string;
  token: string | null;
  /** Certificates to trust, in PEM. Null: those of Node. */
  ca: string | null;
}

/** Requests to the admin listener of a server. */
export class AdminClient {
  readonly #options: AdminClientOptions;

  constructor(options: AdminClientOptions) {
    this.#options = options;
  }

  async get(path: string): Promise<unknown> {
    return parseJson(await this.#ask('GET', path, null));
  }

  async post(path: string, content: object): Promise<unknown> {
    return parseJson(await this.#ask('POST', path, JSON.stringify(content)));
  }

  /** Reads the events of a path until the connection ends. Rejects when it is lost, or when the signal is aborted. */
  async watch(path: string, onEvent: (event: StreamEvent) => void, signal: AbortSignal): Promise<void> {
    const response = await this.#send('GET', path, null, signal, SILENCE_MS);
    response.setEncoding('utf8');
    const parser = new EventParser();
    try {
      for await (const text of response as AsyncIterable<string>)
        for (const event of parser.push(text)) onEvent(event);
    } catch (error) {
      throw toAdminError(error);
    }
  }

  async #ask(method: string, path: string, content: string | null): Promise<string> {
    return readText(await this.#send(method, path, content, null, ANSWER_MS));
  }

  /** Resolves with the response if its status is a success. */
  async #send(
    method: string,
    path: string,
    content: string | null,
    signal: AbortSignal | null,
    silenceMs: number,
  ): Promise<IncomingMessage> {
    const { admin, token, ca } = this.#options;
    const isUnix = admin.startsWith('unix:');
    const url = new URL(path, isUnix ? 'http://localhost' : admin);
    const options: RequestOptions = {
      method,
      agent: false,
      headers: {
        Accept: path.startsWith('/api/events') ? 'text/event-stream' : 'application/json',
        ...(token !== null && { Authorization: `Bearer ${token}` }),
        ...(content !== null && {
          'Content-Type': 'application/json',
          'Content-Length': Buffer.byteLength(content),
        }),
      },
      ...(isUnix && { socketPath: admin.slice('unix:'.length) }),
      ...(signal !== null && { signal }),
    };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request =
        url.protocol === 'https:'
          ? requestHttps(url, { ...options, ...(ca !== null && { ca }) }, resolve)
          : requestHttp(url, options, resolve);
      request.on('error', (error) => reject(toAdminError(error)));
      request.setTimeout(silenceMs, () => request.destroy(new Error('it does not answer')));
      request.end(content ?? undefined);
    });
    const { statusCode = 0 } = response;
    if (statusCode >= 200 && statusCode < 300) return response;
    throw new AdminError(describeRefusal(statusCode, await readText(response)), statusCode);
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8');
  let text = '';
  try {
    for await (const part of response as AsyncIterable<string>) {
      text += part;
      if (text.length > MAX_BYTES) throw new AdminError('The answer is too long', 0);
    }
  } catch (error) {
    throw toAdminError(error);
  }
  return text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AdminError('The answer is not JSON; is this the admin listener of sluiceway?', 0, cause);
  }
}

/** Errors are problem reports (RFC 9457). */
function describeRefusal(status: number, text: string): string {
  if (status === 401) return 'The admin listener requires a token: give its file with --token-file';
  let reason = '';
  try {
    const { detail, title } = JSON.parse(text) as { detail?: unknown; title?: unknown };
    reason = [detail, title].find((each) => typeof each === 'string') ?? '';
  } catch {
    // Another server's answer.
  }
  if (status === 404 && reason === '')
    return 'The server answered 404; is this the admin listener of sluiceway?';
  return reason === '' ? `The server answered ${status}` : reason;
}

function toAdminError(error: unknown): AdminError {
  if (error instanceof AdminError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const reason =
    code === 'ECONNREFUSED'
      ? 'nothing listens there'
      : code === 'ECONNRESET'
        ? 'the connection was lost'
        : message;
  return new AdminError(reason, 0, error);
}
