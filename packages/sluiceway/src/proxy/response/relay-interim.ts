import type { InterimResponse } from '../../upstream/transport.js';
import type { UpstreamRequestDraft } from '../messages/upstream-request.js';
import type { ProxySettings } from '../options/proxy-settings.js';
import type { RequestState } from '../request/request-state.js';
import { draftInterim } from './draft-response.js';
import { changeInterim } from './response-rules.js';

/**
 * Relays an interim response. A 100 is not relayed here: the proxy sends one when the transport first reads the request
 * content.
 */
export function relayInterim(
  { transfer, client, downstream }: RequestState,
  head: InterimResponse,
  draft: UpstreamRequestDraft,
  { profile, headers, interimResponses }: Pick<ProxySettings, 'profile' | 'headers' | 'interimResponses'>,
): void {
  if (transfer.error !== null || client.isHeadSent) return;
  // The origin server is working on the request (RFC 9110 section 15.2.1, RFC 4918 section 20.1).
  transfer.timeouts.upstreamIsAlive();
  if (head.status === 100 || interimResponses === 'none') return;
  if (interimResponses === 'http2' && client.httpVersion !== '2.0') return;
  const drafted = draftInterim(head, profile.responseHeaders);
  client.sendInterim(changeInterim(drafted, draft, downstream?.mountPath ?? '', headers));
}
