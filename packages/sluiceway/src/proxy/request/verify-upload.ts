import { SluicewayError } from '../../errors.js';
import { type Digest, type DigestField, formatDigest, mayGiveDigest } from '../../http/digest.js';
import type { ReadonlyFields } from '../../http/fields.js';
import {
  type ExpectedDigest,
  findMismatchOfNone,
  type Verification,
  VerifiedSource,
} from '../../stream/verified-source.js';
import type { RequestContent } from '../../upstream/transport.js';
import { announcedDigests, readGiven } from './given-digests.js';

/**
 * The content of a request, verified against the digests that its head gives or announces as trailers (RFC 9530 section
 * 3). Content without its digest breaks off before its last byte, or before its end. Throws if there should be content,
 * but there is none.
 */
export function verifyUpload(upload: RequestContent | null, headers: ReadonlyFields): RequestContent | null {
  if (!mayGiveDigest(headers)) return upload;
  const names = fieldsFor(headers);
  const length = upload === null ? 0 : upload.length;
  const verification: Verification = {
    expected: readGiven(headers, names),
    trailers: length === null ? announcedDigests(headers, names) : [],
    isWhole: true,
    length,
    toError: toMismatch,
  };
  if (verification.expected.length === 0 && verification.trailers.length === 0) return upload;
  if (upload !== null) return { ...upload, source: new VerifiedSource(upload.source, verification) };
  const error = findMismatchOfNone(verification);
  if (error !== null) throw error;
  return null;
}

/** With `Content-Range`, the content is a part, and `Repr-Digest` that of the whole file. */
const fieldsFor = (headers: ReadonlyFields): DigestField[] =>
  headers.has('content-range') ? ['Content-Digest'] : ['Content-Digest', 'Repr-Digest'];

const toMismatch = ({ digest, by }: ExpectedDigest, actual: Digest): SluicewayError =>
  new SluicewayError(
    'http_request_error',
    `The request content has the digest ${formatDigest(actual)}, but ${by} gives ${formatDigest(digest)}`,
    { publicMessage: 'The content does not have the digest that the request gives.' },
  );
