import { describeThrown, isInstance, SluicewayError } from '../../errors.js';
import { FilteredTrailers } from '../../stream/filtered-trailers.js';
import { MeteredSource } from '../../stream/metered-source.js';
import { TransformedSource } from '../../stream/transformed-source.js';
import type { RequestContent } from '../../upstream/transport.js';
import type { HeaderSettings } from '../options/header-options.js';
import type { RequestState } from './request-state.js';
import { withoutDescription } from './transform-request.js';
import { continueWhenWanted } from './upload.js';

// The only place that wraps the content of requests, but for what `openUpload` does at the client. Content passes the stages
// in this order:
//
// 1. Limit and check for other readers (`openUpload`). First, because they are about what the client sends.
// 2. Transform. Sees the client's bytes, and decides what the origin server gets.
// 3. Meter. After the transform: it counts what is handed to the origin server. Idle timeouts follow from it. With a
//    transform, another meter before it tells whether the client is waited for.
// 4. Trailer rules. They concern what the origin server gets.
// 5. `100 Continue`. Last, because the client is told when the origin server, or its timeout, starts the content.

/** Content on its way to the origin server, and whether it still moves. */
export interface Sending {
  content: RequestContent;
  /** The content that comes from the client, or from a hook. */
  received: MeteredSource;
  /** What is handed to the origin server. Without a transform, it is the same object. */
  sent: MeteredSource;
}

export function openRequestContent(
  { transfer, transform, client, validated }: RequestState,
  upload: RequestContent,
  { request }: HeaderSettings,
  expectContinue: boolean,
): Sending {
  let content = upload;
  let received: MeteredSource;
  let sent: MeteredSource;
  if (transform === null) {
    sent = new MeteredSource(upload.source, transfer.meterUpload());
    received = sent;
    content = { ...upload, source: sent };
  } else {
    const { streams, changes } = transform;
    const meters = transfer.meterRequestTransform();
    received = new MeteredSource(upload.source, meters.input);
    const transformed = new TransformedSource(received, streams, {
      keepsLength: !changes,
      announced: changes ? null : upload.length,
      toError: toTransformError,
    });
    sent = new MeteredSource(
      changes ? new FilteredTrailers(transformed, withoutDescription) : transformed,
      meters.output,
    );
    content = changes ? { source: sent, length: null } : { ...upload, source: sent };
  }
  const grantedFields = validated?.grantedFields ?? null;
  if (grantedFields !== null) {
    const source = new FilteredTrailers(content.source, (trailers) => grantedFields.removeFrom(trailers));
    content = { ...content, source };
  }
  if (request !== null) {
    const source = new FilteredTrailers(content.source, (trailers) => request.stop(trailers));
    content = { ...content, source };
  }
  return { content: expectContinue ? continueWhenWanted(content, client) : content, received, sent };
}

/** As what a hook throws: 502, or what a `SluicewayError` says. */
function toTransformError(cause: unknown): SluicewayError {
  if (isInstance(cause, SluicewayError)) return cause;
  return new SluicewayError('proxy_internal_error', `A transform failed: ${describeThrown(cause)}`, {
    cause,
    status: 502,
  });
}
