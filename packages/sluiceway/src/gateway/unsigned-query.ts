import { DEFAULT_METHODS } from '../access/link-conditions.js';
import { SluicewayError } from '../errors.js';
import { decodeUtf8, encodeUrlBytes } from '../http/encode-url.js';
import { parseBaseTarget } from '../http/target.js';
import type { Grant } from './grant.js';

/**
 * Reads `?url=…` and the optional `filename` and `disposition`. `+` is not decoded as a space: a URL contains none, and
 * a presigned URL that is pasted without escaping can contain a literal `+`. Throws `http_request_error` for any other
 * parameter and for a duplicate.
 */
export function readUnsignedQuery(query: string): { grant: Grant; id: string } {
  const parameters = new Map<string, string>();
  for (const part of query.split('&')) {
    const equals = part.indexOf('=');
    const name = equals < 0 ? part : part.slice(0, equals);
    if (!['url', 'filename', 'disposition'].includes(name) || parameters.has(name))
      throw invalid('A parameter is unknown or appears twice');
    parameters.set(name, percentDecode(part.slice(equals + 1)));
  }
  const disposition = parameters.get('disposition') ?? 'attachment';
  if (disposition !== 'attachment' && disposition !== 'inline') throw invalid('The disposition is not valid');
  let url: string;
  try {
    // Its path and query can be in any encoding, escaped or not.
    url = encodeUrlBytes(parameters.get('url') ?? '');
    parseBaseTarget(url);
  } catch (cause) {
    throw invalid('The URL is not valid', cause);
  }
  const filename = parameters.get('filename');
  const grant: Grant = {
    url,
    expires: Number.MAX_SAFE_INTEGER,
    filename: filename === undefined ? null : toText(filename),
    disposition,
    contentType: null,
    mirrors: [],
    methods: DEFAULT_METHODS,
    digest: null,
    digestSidecar: null,
    size: null,
    acceptEncoding: null,
    maxBytes: null,
    rate: null,
    clientIp: null,
    singleUse: false,
    headers: {},
  };
  return { grant, id: '' };
}

/** Decodes percent-escapes. The result has one character per byte. */
function percentDecode(text: string): string {
  if (/%(?![0-9a-f]{2})/i.test(text)) throw invalid('A parameter is not percent-encoded');
  return text.replace(/%[0-9a-f]{2}/gi, (escape) =>
    String.fromCharCode(Number.parseInt(escape.slice(1), 16)),
  );
}

function toText(bytes: string): string {
  try {
    return decodeUtf8(bytes);
  } catch (cause) {
    throw invalid('A parameter is not percent-encoded UTF-8', cause);
  }
}

const invalid = (message: string, cause?: unknown): SluicewayError =>
  new SluicewayError('http_request_error', message, { cause });
