import { createHash } from 'node:crypto';
import { BoundedMap } from '../access/bounded-map.js';
import { SluicewayError, toSluicewayError } from '../errors.js';
import { findInDigestFile, type ListedFile } from '../http/digest-file.js';
import type { ReadonlyFields } from '../http/fields.js';
import { isSidecarPath, type SidecarLocation, sidecarPath } from '../http/sidecar.js';
import { DISCARD_LIMITS, discard } from '../stream/discard.js';
import { readAll } from '../stream/read-all.js';
import { isSameOrigin } from '../upstream/redirect-policy.js';
import { codingOf } from '../upstream/resume/resume-point.js';
import { retarget, type SendOptions } from '../upstream/send.js';
import { sendToAny } from '../upstream/send-to-any.js';
import type { Target } from '../upstream/target.js';
import type { Exchange, Transport, TransportRequest, TransportResponse } from '../upstream/transport.js';

/** Checksum files list every file of a folder, in about 100 bytes each. */
const MAX_BYTES = 1024 * 1024;
/** Each takes about 300 bytes. */
const MAX_CACHED = 1000;

/** Fields of the request for a file that do not apply to its checksum file. */
const OF_FILE = /^(?:accept|accept-encoding|range|if-.*|content-.*|digest|repr-digest|expect|te|trailer)$/i;

/** Fields that describe the client or this request. They do not change what a checksum file says. */
const OF_CLIENT =
  /^(?:accept-language|user-agent|referer|origin|dnt|priority|sec-.*|via|cdn-loop|forwarded|x-forwarded-.*|x-real-ip|x-request-id|traceparent|tracestate|cache-control|pragma|max-forwards|upgrade-insecure-requests|want-.*)$/i;

const FOR_OTHERS = /^(?:host|accept|accept-encoding|user-agent|via|cdn-loop)$/i;

/** What a checksum file says about a file, or why it cannot be used. */
export type SidecarResult = { listed: ListedFile; forget(): void } | { error: SluicewayError };

/** A file whose checksum file is needed. */
export interface SidecarQuestion {
  location: SidecarLocation;
  /** The target of the file and its mirrors. */
  targets: readonly [Target, ...Target[]];
  /** The request for the file. */
  headers: ReadonlyFields;
  send: Omit<SendOptions, 'onAttempt' | 'convertHead'>;
}

export interface SidecarLimits {
  /** For the whole lookup. */
  timeoutMs: number;
  /** Null: results are not kept. */
  cacheMs: number | null;
}

interface Cached {
  result: Promise<SidecarResult>;
  /** By `performance.now()`. */
  expires: number;
}

/**
 * Whether a file has a checksum file. A path that ends with a slash names no file, and checksum files have none
 * themselves.
 */
export function hasSidecar(location: SidecarLocation, target: Target): boolean {
  const isAbove = location.base === null || isSameOrigin({ base: location.base, path: '' }, target);
  return sidecarPath(location, target.path) !== null && !(isAbove && isSidecarPath(location, target.path));
}

/** Reads checksum files from origin servers, and keeps what they say for a short time. */
export class SidecarReader {
  readonly #transport: Transport;
  readonly #limits: SidecarLimits;
  readonly #cache = new BoundedMap<Cached>(MAX_CACHED);

  constructor(transport: Transport, limits: SidecarLimits) {
    this.#transport = transport;
    this.#limits = limits;
  }

  /** Never rejects. Requests for the same file share one lookup, so it goes on if one client leaves. */
  read(question: SidecarQuestion): Promise<SidecarResult> {
    const { cacheMs } = this.#limits;
    if (cacheMs === null) return this.#find(question, () => {});
    const key = keyOf(question);
    const known = this.#cache.get(key);
    if (known !== undefined && performance.now() < known.expires) return known.result;
    const forget = (): void => {
      if (this.#cache.get(key) === cached) this.#cache.delete(key);
    };
    const cached: Cached = { result: this.#find(question, forget), expires: Number.POSITIVE_INFINITY };
    this.#cache.set(key, cached);
    void cached.result.then((result) => {
      // Any other failure may be over at once.
      if ('error' in result && !(result.error instanceof MissingSidecar)) forget();
      cached.expires = performance.now() + cacheMs;
    });
    return cached.result;
  }

  async #find(question: SidecarQuestion, forget: () => void): Promise<SidecarResult> {
    const lookup = new Lookup(this.#limits.timeoutMs);
    try {
      const listed = await Promise.race([this.#fetch(question, lookup), lookup.expired]);
      return { listed, forget };
    } catch (thrown) {
      if (thrown instanceof MissingSidecar) return { error: thrown };
      const { code, message } = toSluicewayError(thrown);
      return {
        error: new SluicewayError('digest_unavailable', `${FAILED}: ${code}: ${message}`, { cause: thrown }),
      };
    } finally {
      lookup.end();
    }
  }

  async #fetch({ location, targets, headers, send }: SidecarQuestion, lookup: Lookup): Promise<ListedFile> {
    const [file] = targets;
    // Mirrors have their own checksum files, unless all are on one other server.
    const places = (location.base === null ? targets : [file]).flatMap((target) => toPlace(location, target));
    const [first] = places;
    if (first === undefined) throw new MissingSidecar('The path names no file');
    const request = toRequest(file, headers);
    // On the file's server, the request keeps the file's `Host`, which the application may have chosen.
    const begin = isSameOrigin(first, file)
      ? { ...request, path: first.path }
      : forOtherServer(retarget(request, file, first, []));
    const { sent } = await sendToAny(this.#transport, begin, places, {
      ...send,
      onAttempt: (exchange) => lookup.attempt(exchange),
      onTry: () => {},
      isFit: () => true,
    });
    const text = await readText(sent.response);
    const folder = isSameOrigin(first, file) ? decode(first.path.replace(/[^/]*(?:\?.*)?$/s, '')) : null;
    const path = decode(file.path.replace(/\?.*/s, ''));
    const listed = findInDigestFile(text, { path, folder, isOwn: location.isOwn });
    if (listed === null) throw new MissingSidecar('The checksum file has no digest of the file');
    return listed;
  }
}

const FAILED = 'The checksum file could not be read';

/** The checksum file does not exist, or does not list the file. */
class MissingSidecar extends SluicewayError {
  constructor(message: string) {
    super('digest_unavailable', message);
  }
}

/** Ends a lookup that takes too long. */
class Lookup {
  /** Rejects when the time is over. */
  readonly expired: Promise<never>;
  #timer: NodeJS.Timeout | undefined;
  #exchange: Exchange | null = null;
  #error: SluicewayError | null = null;

  constructor(timeoutMs: number) {
    this.expired = new Promise((_, reject) => {
      this.#timer = setTimeout(() => {
        this.#error = new SluicewayError('http_response_timeout', `No answer within ${timeoutMs} ms`);
        this.#exchange?.abort(this.#error);
        reject(this.#error);
      }, timeoutMs);
    });
  }

  attempt(exchange: Exchange): void {
    this.#exchange = exchange;
    if (this.#error !== null) exchange.abort(this.#error);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

function toPlace({ base, ...location }: SidecarLocation, target: Target): Target[] {
  const found = sidecarPath({ base, ...location }, target.path);
  return found === null ? [] : [{ base: base ?? target.base, path: found.path + found.query }];
}

/** The client's fields go along: a server that asks for credentials asks for them for all its files. */
function toRequest({ base, path }: Target, fileHeaders: ReadonlyFields): TransportRequest {
  const headers = fileHeaders.clone();
  headers.retain((name) => !OF_FILE.test(name));
  headers.set('Accept', '*/*').set('Accept-Encoding', 'identity');
  return {
    destination: base,
    path,
    method: 'GET',
    headers,
    content: null,
    upgrade: null,
    expectContinue: false,
    onInterim: () => {},
    onRequestSent: () => {},
  };
}

/** Another server gets nothing of the client's: any of its fields can be a key. */
function forOtherServer(request: TransportRequest): TransportRequest {
  request.headers.retain((name) => FOR_OTHERS.test(name));
  return request;
}

async function readText(response: TransportResponse): Promise<string> {
  const { status, headers, content } = response;
  if (status === 200 && codingOf(headers) === '') {
    const tooLong = (): Error =>
      new SluicewayError('http_response_body_size', `It has more than ${MAX_BYTES} bytes`);
    return (await readAll(content, MAX_BYTES, tooLong)).toString('latin1');
  }
  discard(content, DISCARD_LIMITS);
  if (status === 404 || status === 410)
    throw new MissingSidecar(`The checksum file does not exist (${status})`);
  const what = status === 200 ? 'a content coding' : `the status ${status}`;
  throw new SluicewayError('http_response_status', `The origin server sent ${what}`);
}

/** Percent-escapes as bytes. */
const decode = (path: string): string =>
  path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

/** Credentials are part of the key, which is a hash so that it does not contain them. */
function keyOf({ location, targets, headers }: SidecarQuestion): string {
  const hash = createHash('sha256');
  for (const { base, path } of targets) hash.update(`${base.protocol}//${base.host}${path}\n`);
  hash.update(`${location.base?.host ?? ''} ${location.path}\n`);
  for (const [name, value] of headers)
    if (!OF_FILE.test(name) && !OF_CLIENT.test(name))
      hash.update(`${name.toLowerCase()}: ${value}\n`, 'latin1');
  return hash.digest('base64');
}
