import { DEFAULT_METHODS } from '../access/link-conditions.js';
import { SluicewayError } from '../errors.js';
import { parseBaseTarget } from '../http/target.js';
import type { Grant } from './grant.js';

/**
 * What `?url=…` asks for, with `filename` and `disposition` beside it where they are given. `+` is no space here, since
 * a URL has none: whoever writes the URL of a presigned link without escaping it means what is there. Throws
 * `http_request_error` for any other parameter, or for one that is there twice.
 */
export function readUnsignedQuery(query: string): { grant: Grant; id: string } {
  const parameters = new Map<string, string>();
  for (const part of query.split('&')) {
    const equals = part.indexOf('=');
    const name = equals < 0 ? part : part.slice(0, equals);
    if (!['url', 'filename', 'disposition'].includes(name) || parameters.has(name))
      throw invalid('A parameter is not known, or is there twice');
    parameters.set(name, decode(part.slice(equals + 1)));
  }
  const url = parameters.get('url') ?? '';
  const disposition = parameters.get('disposition') ?? 'attachment';
  if (disposition !== 'attachment' && disposition !== 'inline') throw invalid('The disposition is not valid');
  try {
    parseBaseTarget(url);
  } catch (cause) {
    throw invalid('The URL is not valid', cause);
  }
  const grant: Grant = {
    url,
    expires: Number.MAX_SAFE_INTEGER,
    filename: parameters.get('filename') ?? null,
    disposition,
    contentType: null,
    mirrors: [],
    methods: DEFAULT_METHODS,
    digest: null,
    maxBytes: null,
    rate: null,
    clientIp: null,
    singleUse: false,
    headers: {},
  };
  return { grant, id: '' };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw invalid('A parameter is not percent-encoded UTF-8', cause);
  }
}

const invalid = (message: string, cause?: unknown): SluicewayError =>
  new SluicewayError('http_request_error', message, { cause });
