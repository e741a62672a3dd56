import { SluicewayError } from '../../errors.js';
import {
  type Digest,
  type DigestField,
  formatDigest,
  isSameDigest,
  mayGiveDigest,
  readDigest,
} from '../../http/digest.js';
import type { ReadonlyFields } from '../../http/fields.js';
import { type ExpectedDigest, findMismatchOfNone } from '../../stream/verified-source.js';
import { onlyRange } from '../../upstream/partial-content.js';
import type { TransportResponse } from '../../upstream/transport.js';
import type { UpstreamRequestDraft } from '../messages/upstream-request.js';
import type { DigestSettings } from '../options/digest-options.js';
import { announcedDigests, readGiven } from '../request/given-digests.js';
import type { RequestState } from '../request/request-state.js';
import { askForWhole } from './apply-transform.js';
import { isContentless } from './respond.js';

/** The source of the digest that is expected, in errors. */
const sourceOf = ({ sidecar }: RequestState): string =>
  sidecar !== null && 'listed' in sidecar ? 'the checksum file' : 'the application';

/** Asks for content that can be verified, if the application expects a digest. */
export function expectDigest(
  state: RequestState,
  upstream: UpstreamRequestDraft,
  settings: DigestSettings,
): void {
  state.digest = upstream.digest;
  // Content that a client requests part by part could be corrupt and pass, and clients do that when a download breaks.
  if (upstream.digest === null || settings.relaysParts) return;
  if (settings.refusesParts && upstream.method === 'GET' && wantsPart(upstream.headers)) throw partRefused();
  askForWhole(upstream.headers);
}

/** Players and some browsers ask for the whole file as `bytes=0-`. */
const wantsPart = (headers: ReadonlyFields): boolean =>
  headers.has('range') && headers.get('range')?.trim().toLowerCase() !== 'bytes=0-';

const partRefused = (): SluicewayError =>
  new SluicewayError('http_request_denied', 'A range of a file whose digest is required', {
    status: 416,
    publicMessage: 'Only the whole file is served.',
    headers: { 'Accept-Ranges': 'none' },
  });

/**
 * Decides what the content of a response is verified against: the digest that the application expects, or else those
 * that the origin server sends. Throws `http_response_digest_mismatch` if the head already shows a mismatch.
 */
export function decideVerification(
  state: RequestState,
  { digest: expected, method }: UpstreamRequestDraft,
  received: TransportResponse,
  settings: DigestSettings,
): void {
  const { headers, status, contentLength } = received;
  state.digest = null;
  if (
    state.sidecar !== null &&
    'error' in state.sidecar &&
    settings.sidecarIsRequired &&
    isSuccessful(received)
  )
    throw state.sidecar.error;
  const expects = expected !== null && isSuccessful(received);
  const given = settings.verifies && received.tunnel === null && mayGiveDigest(headers);
  if (!expects && !given) return;
  if (expects) {
    const fault = findFault({ digest: expected, by: sourceOf(state) }, method, received, settings);
    if (fault !== null) throw fault;
  }
  if (method === 'HEAD') return;
  const isWhole = isAll(received);
  const isProven = expects && isWhole;
  const names =
    given && !isProven && !isContentless(method, status) ? fieldsFor(method, status, isWhole) : [];
  const checks = isProven ? [{ digest: expected, by: sourceOf(state) }] : readGiven(headers, names);
  // In HTTP/1, only chunked content has trailers.
  const mayHaveTrailers = contentLength === null || received.httpVersion === '2.0';
  const trailers = mayHaveTrailers ? announcedDigests(headers, names) : [];
  if (checks.length === 0 && trailers.length === 0) return;
  state.digest = checks[0]?.digest ?? null;
  state.stages.verification = {
    expected: checks,
    trailers,
    isWhole: isWhole && method === 'GET',
    length: contentLength,
    toError: toMismatch,
  };
}

/**
 * Tells the client which digest is expected. Throws `http_response_digest_mismatch` if the response has no content, and
 * the digest is that of other content. Changes that hooks make to the head later do not affect the verification.
 */
export function announceVerification(
  { stages }: RequestState,
  { digest: expected, method }: UpstreamRequestDraft,
  received: TransportResponse,
  { relaysParts, refusesParts }: DigestSettings,
): void {
  const { headers } = received;
  if (expected !== null && isSuccessful(received)) {
    if (refusesParts) headers.set('Accept-Ranges', 'none');
    else if (!relaysParts) headers.delete('accept-ranges');
    // A client can use it to verify what it has stored, or assembled from parts.
    if ((method === 'GET' || method === 'HEAD') && !headers.has('repr-digest'))
      headers.set('Repr-Digest', formatDigest(expected));
  }
  const { verification } = stages;
  if (verification === null) return;
  if (verification.length !== 0 && !isContentless(method, received.status)) return;
  const error = findMismatchOfNone(verification);
  if (error !== null) throw error;
  stages.verification = null;
}

/** Called when content did not have its digest: the checksum file may have changed together with the file. */
export function forgetSidecar({ sidecar }: RequestState): void {
  if (sidecar !== null && 'listed' in sidecar) sidecar.forget();
}

const isSuccessful = ({ status, tunnel }: TransportResponse): boolean =>
  tunnel === null && status >= 200 && status < 300;

/** Whether, by its head, a response can be the file that the application expects. If not, the next mirror is tried. */
export const isFitFor = (
  { digest, method }: UpstreamRequestDraft,
  received: TransportResponse,
  settings: DigestSettings,
): boolean =>
  digest === null ||
  !isSuccessful(received) ||
  findFault({ digest, by: '' }, method, received, settings) === null;

function findFault(
  expected: ExpectedDigest,
  method: string,
  received: TransportResponse,
  { relaysParts, verifies }: DigestSettings,
): SluicewayError | null {
  // The origin server itself states that it has another file: refuse it before any content.
  if (verifies && (method === 'GET' || method === 'HEAD')) {
    const given = readDigest(received.headers, 'Repr-Digest', [expected.digest.algorithm]);
    if (given !== null && !isSameDigest(expected.digest, given)) return toMismatch(expected, given);
  }
  if (relaysParts || isAll(received)) return null;
  return new SluicewayError('http_protocol_error', 'A part (206) that was not requested cannot be verified');
}

/** The fields whose digest applies to the content. Only an answer to GET is sure to enclose the representation. */
const fieldsFor = (method: string, status: number, isWhole: boolean): DigestField[] =>
  method === 'GET' && isWhole && (status === 200 || status === 203 || status === 206)
    ? ['Repr-Digest', 'Content-Digest']
    : ['Content-Digest'];

/** Whether the content is the whole representation. Multipart ranges never are: they have a framing of their own. */
function isAll({ status, headers }: TransportResponse): boolean {
  if (status !== 206) return true;
  const range = onlyRange(headers);
  return range !== null && range.isExact && range.first === 0 && range.last + 1 === range.total;
}

export const toMismatch = ({ digest, by }: ExpectedDigest, actual: Digest): SluicewayError =>
  new SluicewayError(
    'http_response_digest_mismatch',
    `The content has the digest ${formatDigest(actual)}, but ${by} gives ${formatDigest(digest)}`,
  );
