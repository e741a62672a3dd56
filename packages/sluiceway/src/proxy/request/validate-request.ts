import type { ClientExchange } from '../../downstream/exchange.js';
import { SluicewayError } from '../../errors.js';
import { hasCdnLoop } from '../../http/cdn-loop.js';
import { maxForwards } from '../../http/max-forwards.js';
import { hasVia } from '../../http/via.js';
import type { RequestContent } from '../../upstream/transport.js';
import type { DownstreamRequest } from '../messages/downstream-request.js';
import type { Answer } from '../messages/responses.js';
import type { Profile } from '../options/profiles.js';
import type { ProxySettings } from '../options/proxy-settings.js';
import type { Transfer } from '../transfer/transfer.js';
import type { GrantedFields } from './granted-fields.js';
import type { ReadRequest } from './read-request.js';
import { OF_BYTES_AS_SENT, openUpload, uploadBytes } from './upload.js';
import { verifyUpload } from './verify-upload.js';

/** A request that has passed all checks. */
export interface ValidRequest {
  downstream: DownstreamRequest;
  /** Null if the request has no content that is sent on. */
  upload: RequestContent | null;
  /** The protocol to ask the origin server for; null for an ordinary request. */
  protocol: string | null;
  /** Names of fields that the origin server does not get: their credentials were meant for this proxy. */
  consumed: readonly string[];
  /** Fields that the access policy sets; null if it sets none. */
  grantedFields: GrantedFields | null;
}

/** Validates a request after the access check. */
export function validateRequest(
  client: ClientExchange,
  { downstream, framing, consumed, grantedFields }: ReadRequest,
  transfer: Pick<Transfer, 'allowsZeroCopy'>,
  settings: Pick<ProxySettings, 'profile' | 'proxyName' | 'loopName' | 'maxRequestContent' | 'digests'>,
  content: Uint8Array | undefined,
): ValidRequest {
  const { profile, proxyName, loopName, maxRequestContent, digests } = settings;
  checkMethod(downstream.method, profile);
  const { headers } = downstream;
  if (hasCdnLoop(headers, loopName) || (profile.forwarded && hasVia(headers, proxyName)))
    throw new SluicewayError(
      'proxy_loop_detected',
      `The request has this proxy's name ${loopName} in Via or CDN-Loop`,
    );
  const protocol = profile.upgrades ? client.wantedProtocol(downstream.headers) : null;
  // It is an extended CONNECT, and CONNECT is not served otherwise.
  if (client.isTunnelOnly && protocol === null) checkMethod('CONNECT', profile);
  if (content !== undefined) {
    const upload = profile.requestContent ? uploadBytes(content, maxRequestContent) : null;
    return { downstream, upload, protocol, grantedFields, consumed: [...consumed, ...OF_BYTES_AS_SENT] };
  }
  const opened = profile.requestContent ? openUpload(client, framing, transfer, maxRequestContent) : null;
  const upload = digests.verifiesRequests && profile.requestContent ? verifyUpload(opened, headers) : opened;
  return { downstream, upload, protocol, consumed, grantedFields };
}

/** The value of Allow for the methods that a profile serves. */
export const allowedMethods = (profile: Profile): string =>
  profile.methods === 'any' ? 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS' : profile.methods.join(', ');

/** Answers an OPTIONS with `Max-Forwards: 0`, which asks what this proxy serves (RFC 9110 section 7.6.2). */
export function answerAsLastServer(downstream: DownstreamRequest, profile: Profile): Answer | undefined {
  if (maxForwards(downstream.method, downstream.headers) !== 0) return undefined;
  return { status: 200, headers: { Allow: allowedMethods(profile) } };
}

function checkMethod(method: string, profile: Profile): void {
  const served = profile.methods === 'any' ? method !== 'TRACE' : profile.methods.includes(method);
  if (served && method !== 'CONNECT') return;
  throw new SluicewayError('http_request_denied', `Method ${method} is not served`, {
    status: 405,
    publicMessage: 'The method is not allowed.',
    // Here, so that a framework that answers the error sends it too.
    headers: { Allow: allowedMethods(profile) },
  });
}
