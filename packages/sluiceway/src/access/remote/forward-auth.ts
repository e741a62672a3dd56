import { randomBytes } from 'node:crypto';
import { SluicewayError, toSluicewayError } from '../../errors.js';
import { appendCdnLoop, hasCdnLoop } from '../../http/cdn-loop.js';
import type { Fields } from '../../http/fields.js';
import { setForwardedFields } from '../../http/forwarded.js';
import { isFramingField, removeHopByHop } from '../../http/hop-by-hop.js';
import { retrySoon } from '../../http/retry-after.js';
import { Checker } from '../../options/checker.js';
import { resolve } from '../../options/spec.js';
import type { Target } from '../../upstream/target.js';
import { WireTransport } from '../../upstream/wire/wire-transport.js';
import {
  type AccessDecision,
  type AccessPolicy,
  type AccessRefusal,
  type AccessRequest,
  withOwnFields,
} from '../policy.js';
import { type ForwardAuthOptions, forwardAuthOptions } from './forward-auth-options.js';
import { type SubResponse, sendSubRequest } from './sub-request.js';

/** Content of a refusal that is passed on, such as a login page. Longer content is not. */
const MAX_CONTENT_BYTES = 256 * 1024;

/** By which a service that is behind this process itself is detected. */
const LOOP_NAME = `sluiceway-auth-${randomBytes(4).toString('hex')}`;

/** Fields of a refusal that the client gets. */
const PASSED = ['Location', 'Set-Cookie', 'Content-Language', 'Retry-After'] as const;
const OF_CONTENT = ['Content-Type', 'Content-Encoding', 'Content-Security-Policy'] as const;

/**
 * Asks another service about each request, like `auth_request` of nginx and `forwardAuth` of Traefik: sends it a GET with
 * the fields of the client's request and `X-Forwarded-Method`, `-Proto`, `-Host`, `-Uri` and `-For`, without content. A
 * 2xx allows the request. A redirect, a 401 and a 403 are passed to the client. With any other answer, or none, the
 * request is refused with 502 or 503. Throws an `OptionsError` that lists every problem.
 */
export function forwardAuth(options: ForwardAuthOptions): AccessPolicy {
  const check = new Checker('forwardAuth');
  check.required('', options);
  const { url, copyHeaders, identityHeader, requestHeaders, timeout, tls } = resolve(
    forwardAuthOptions,
    options,
    check,
  );
  check.throwIfAny();
  // `url` is undefined only if there was a problem, which `throwIfAny` has thrown.
  const target = url as Target;
  const sent =
    requestHeaders === 'all' || requestHeaders === undefined
      ? null
      : new Set(requestHeaders.map((name) => name.toLowerCase()));
  const transport = new WireTransport({ connectTimeoutMs: timeout, ...(tls !== undefined && { tls }) });
  const limits = { timeoutMs: timeout, maxBytes: MAX_CONTENT_BYTES };
  return withOwnFields(async (request) => {
    if (hasCdnLoop(request.headers, LOOP_NAME))
      throw new SluicewayError('proxy_loop_detected', 'The access service is behind its own access rule');
    let response: SubResponse;
    try {
      response = await sendSubRequest(transport, target, draftFields(request, sent), limits);
    } catch (error) {
      throw unavailable(toSluicewayError(error));
    }
    return decide(response, copyHeaders, identityHeader);
  }, copyHeaders);
}

function draftFields(request: AccessRequest, sent: ReadonlySet<string> | null): Fields {
  const { clientAddress, host, protocol, trusted, mountPath, path, query, method } = request;
  const fields = request.headers.clone();
  removeHopByHop(fields);
  fields.retain((name) => !concernsFile(name.toLowerCase()));
  setForwardedFields(fields, { clientAddress, host, proto: protocol, trusted });
  if (sent !== null)
    fields.retain((name) => sent.has(name.toLowerCase()) || /^(?:x-forwarded-|cdn-loop$)/i.test(name));
  fields.set('X-Forwarded-Method', method);
  fields.set('X-Forwarded-Uri', `${mountPath}${path}${query === null ? '' : `?${query}`}`);
  appendCdnLoop(fields, LOOP_NAME);
  return fields;
}

/** A condition or a range would make the service answer 304, 412 or 206 about its own resource. */
const concernsFile = (name: string): boolean =>
  name === 'host' ||
  name === 'range' ||
  name.startsWith('if-') ||
  name.startsWith('content-') ||
  name === 'digest' ||
  name === 'repr-digest' ||
  name === 'max-forwards' ||
  isFramingField(name);

function decide(
  { status, headers, content }: SubResponse,
  copyHeaders: readonly string[],
  identityHeader: string | undefined,
): AccessDecision {
  if (status >= 200 && status < 300) {
    const copied = copyHeaders
      .map((name): [string, string[]] => [name, headers.getAll(name)])
      .filter(([, lines]) => lines.length > 0);
    const identity = identityHeader === undefined ? '' : toText(headers.get(identityHeader) ?? '');
    return {
      allowed: true,
      identity: identity === '' ? null : identity,
      headers: Object.fromEntries(copied),
    };
  }
  const isRedirect = [301, 302, 303, 307, 308].includes(status) && headers.has('location');
  if (!isRedirect && status !== 401 && status !== 403) {
    throw new SluicewayError('http_response_status', `The access service answered ${status}`, {
      publicMessage: UNAVAILABLE,
    });
  }
  return refuse(status, headers, content, isRedirect);
}

function refuse(status: number, headers: Fields, content: Buffer | null, isRedirect: boolean): AccessRefusal {
  const hasContent = content !== null && content.length > 0;
  const names = hasContent ? [...PASSED, ...OF_CONTENT] : PASSED;
  const passed = names
    .map((name): [string, string[]] => [name, headers.getAll(name)])
    .filter(([, lines]) => lines.length > 0);
  return {
    allowed: false,
    // A redirect leads to where the client gets credentials.
    status: status === 403 ? 403 : 401,
    challenge: isRedirect ? [] : headers.getAll('www-authenticate'),
    reason: `the access service answered ${status}`,
    response: {
      status,
      headers: Object.fromEntries(passed),
      ...(hasContent && { content }),
    },
  };
}

/** The bytes of a field as UTF-8. */
const toText = (value: string): string => Buffer.from(value, 'latin1').toString('utf8').trim();

const UNAVAILABLE = 'Access cannot be checked at present.';

/** The service is not available, so access cannot be decided. Its address does not concern the client. */
export const unavailable = (cause: SluicewayError): SluicewayError =>
  new SluicewayError(cause.code, `Access cannot be checked: ${cause.message}`, {
    cause,
    status: 503,
    publicMessage: UNAVAILABLE,
    headers: { 'Retry-After': retrySoon() },
  });
