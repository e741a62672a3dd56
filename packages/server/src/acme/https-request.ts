import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { AcmeError } from './acme-error.js';

export interface HttpsResponse {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface HttpsOptions {
  /** Trusted authorities in PEM. Null: those of Node. */
  ca: string | null;
  signal: AbortSignal;
}

/** Without a byte for so long, the authority counts as unreachable. */
const IDLE_TIMEOUT_MS = 30_000;

/** Enough for any chain of certificates. */
const MAX_BODY_BYTES = 1024 * 1024;

/** Sends a request over HTTPS, and reads the response. Follows no redirects. Throws an `AcmeError`. */
export async function sendHttps(
  method: string,
  url: string,
  content: unknown,
  { ca, signal }: HttpsOptions,
): Promise<HttpsResponse> {
  if (!url.startsWith('https://')) throw new AcmeError(`${url} is not an https: URL (RFC 8555 section 6.1)`);
  try {
    return await new Promise<HttpsResponse>((resolve, reject) => {
      const sent = request(
        url,
        {
          method,
          signal,
          agent: false,
          timeout: IDLE_TIMEOUT_MS,
          rejectUnauthorized: true,
          ...(ca !== null && { ca }),
          headers: {
            'User-Agent': 'sluiceway',
            Accept: 'application/json, application/pem-certificate-chain',
            ...(content !== null && { 'Content-Type': 'application/jose+json' }),
          },
        },
        (response) => void read(response).then(resolve, reject),
      );
      sent.on('timeout', () => sent.destroy(new Error(`no answer within ${IDLE_TIMEOUT_MS} ms`)));
      sent.on('error', reject);
      sent.end(content === null ? undefined : JSON.stringify(content));
    });
  } catch (error) {
    throw new AcmeError(`${new URL(url).host}: ${(error as Error).message}`, { cause: error });
  }
}

async function read(response: IncomingMessage): Promise<HttpsResponse> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > MAX_BODY_BYTES) throw new Error(`the response has more than ${MAX_BODY_BYTES} bytes`);
    parts.push(part);
  }
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: Buffer.concat(parts).toString('utf8'),
  };
}
