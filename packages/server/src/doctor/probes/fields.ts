import { NotTested } from '../chain.js';
import type { FieldLines } from '../exchange.js';
import { fieldOf } from '../exchange.js';
import type { Detection } from '../finding.js';
import { etagOf, LAST_MODIFIED, passedFields } from '../origin/response-fields.js';
import { describeEnd, type Probe } from '../probe.js';

const FINISH_MS = 10_000;
const SIZE = 1000;

const requestFields: Readonly<Record<string, string>> = {
  'Want-Repr-Digest': 'sha-256=1',
  'Idempotency-Key': '"8e03978e-40d5-43dd-bc93-6894a57f9324"',
  Prefer: 'return=minimal',
  'X-Doctor-Check': 'gr\u00fc\u00df',
  Referer: 'https://app.invalid/page',
};
const UNDERSCORED = 'X_Doctor_Check';

/** Fields that have to pass (RFC 9110 sections 5.1 and 7.6), both ways, and what each side learns of the protocol. */
export const passedFieldsProbe: Probe = {
  name: 'fields',
  title: 'which fields pass',
  kinds: [
    'response-fields-lost',
    'request-fields-lost',
    'underscores-lost',
    'http-1.0',
    'validator-lost',
    'validator-weakened',
    'length-lost',
    'ranges-hidden',
  ],
  isExact: true,
  async run(chain) {
    const id = chain.newId();
    const exchange = chain.content(
      id,
      { size: SIZE, fields: 1 },
      { fields: { ...requestFields, [UNDERSCORED]: 'yes', 'Accept-Encoding': 'identity' } },
    );
    const { how } = await exchange.finish(FINISH_MS);
    if (how !== 'complete' || exchange.head?.status !== 200)
      throw new NotTested(`a small download ${describeEnd(exchange)}`);
    const { fields } = exchange.head;
    const [request] = await chain.report(id);
    if (request === undefined) throw new NotTested('the origin has not seen the request');
    const found: Detection[] = [];
    const lostResponse = changedIn(passedFields(id, SIZE), fields);
    if (lostResponse.length > 0) {
      found.push({
        kind: 'response-fields-lost',
        message: `Fields of responses are lost or changed: ${lostResponse.join(', ')}`,
        evidence: { fields: lostResponse.join(', ') },
      });
    }
    const lostRequest = changedIn(requestFields, request.fields);
    if (lostRequest.length > 0) {
      found.push({
        kind: 'request-fields-lost',
        message: `Fields of requests are lost or changed: ${lostRequest.join(', ')}`,
        evidence: { fields: lostRequest.join(', ') },
      });
    }
    if (fieldOf(request.fields, UNDERSCORED) === null) {
      found.push({
        kind: 'underscores-lost',
        message: 'Request fields with an underscore in their name are lost',
        evidence: { field: UNDERSCORED },
      });
    }
    if (request.httpVersion === '1.0') {
      found.push({
        kind: 'http-1.0',
        message:
          'The origin is asked in HTTP/1.0: without chunks, without connections that are reused, and a broken response without a length looks whole',
        evidence: { httpVersion: '1.0' },
      });
    }
    found.push(...judgeValidators(id, fields));
    if (fieldOf(fields, 'content-length') !== String(SIZE)) {
      found.push({
        kind: 'length-lost',
        message:
          'The Content-Length of a file is lost, so clients see no progress and a cut is harder to detect',
        evidence: { contentLength: fieldOf(fields, 'content-length') },
      });
    }
    if (fieldOf(fields, 'accept-ranges') !== 'bytes') {
      found.push({
        kind: 'ranges-hidden',
        message: 'Accept-Ranges is lost, so clients do not continue downloads',
        evidence: { acceptRanges: fieldOf(fields, 'accept-ranges') },
      });
    }
    return found;
  },
};

/** Names of fields that have not arrived as they were sent. */
const changedIn = (expected: Readonly<Record<string, string>>, fields: FieldLines): string[] =>
  Object.entries(expected).flatMap(([name, value]) => (fieldOf(fields, name) === value ? [] : [name]));

/** Validators have to pass unchanged: clients continue downloads by them (RFC 9110 section 8.8). */
export function judgeValidators(id: string, fields: FieldLines, when = ''): Detection[] {
  const etag = fieldOf(fields, 'etag');
  const date = fieldOf(fields, 'last-modified');
  if (etag === etagOf(id) && (date === LAST_MODIFIED || when !== '')) return [];
  if (etag === `W/${etagOf(id)}`) {
    return [
      {
        kind: 'validator-weakened',
        message: `The ETag of a file is made weak${when}, so clients cannot continue downloads`,
        evidence: { etag },
      },
    ];
  }
  return [
    {
      kind: 'validator-lost',
      message: `The ${etag === etagOf(id) ? 'Last-Modified' : 'ETag'} of a file is ${(etag ?? null) === null || etag === etagOf(id) ? 'lost' : 'changed'}${when}, so clients cannot continue downloads`,
      evidence: { etag, lastModified: date },
    },
  ];
}
