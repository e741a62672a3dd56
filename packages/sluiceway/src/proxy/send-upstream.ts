import { SluicewayError } from '../errors.js';
import { isAgreed } from '../http/upgrade.js';
import { send } from '../upstream/send.js';
import type { InterimResponse, TransportRequest, TransportResponse } from '../upstream/transport.js';
import type { Admission } from './admission.js';
import { announceTrailers, keepsContent, type UpstreamRequestDraft } from './draft-request.js';
import { draftInterim } from './draft-response.js';
import { changeInterim, changeRequestContent } from './field-changes.js';
import type { ProxySettings } from './options.js';
import type { Passage } from './passage.js';
import { continueWhenWanted } from './upload.js';

type SendSettings = Pick<ProxySettings, 'fields' | 'profile' | 'transport'>;

/** Sends the upstream request, and waits for a final response head. Interim ones are passed on. */
export async function sendUpstream(
  passage: Passage,
  admission: Admission,
  draft: UpstreamRequestDraft,
  settings: SendSettings,
): Promise<TransportResponse> {
  const { transfer, context, client, plan } = passage;
  const { downstream, protocol } = admission;
  const upload = keepsContent(draft, downstream) ? admission.upload : null;
  const { timeouts } = transfer;
  const expectContinue = upload !== null && context.awaitsContinue === true;
  // Content that is held back until the origin server says 100 waits for the origin server.
  if (expectContinue) timeouts.requestWaitsFor('upstream');
  let answered = false;
  const content = changeRequestContent(upload, settings.fields);
  if (content?.length === null) announceTrailers(draft, downstream);
  const request: TransportRequest = {
    destination: draft.target.base,
    path: draft.path,
    method: draft.method,
    fields: draft.fields,
    content: expectContinue && content !== null ? continueWhenWanted(content, client) : content,
    upgrade: protocol,
    expectContinue,
    onInterim: (head) => passInterim(passage, head, settings),
    onRequestSent: () => {
      if (upload !== null) timeouts.requestWaitsFor('nobody');
      if (!answered) timeouts.responseWaitsFor('head');
    },
  };
  const received = await send(settings.transport, request, draft.target, {
    maxRedirects: upload === null ? settings.profile.maxRedirects : 0,
    onAttempt: (exchange) => transfer.attempt(exchange),
    ...(plan !== null && {
      judge: (target) => plan.judge(target),
      secretFields: Object.keys(plan.requestFields),
    }),
  });
  answered = true;
  timeouts.responseWaitsFor('nobody');
  if (upload?.source.isRunning !== true) timeouts.requestWaitsFor('nobody');
  transfer.throwIfAborted();
  if (received.tunnel !== null && !isAgreed(protocol ?? '', received.fields.get('upgrade')))
    throw new SluicewayError('http_upgrade_failed', 'The origin server switched to another protocol');
  return received;
}

/** A 100 is sent where it is waited for, with the start of the content. */
function passInterim({ transfer, client }: Passage, head: InterimResponse, settings: SendSettings): void {
  if (transfer.error !== null || client.isHeadSent) return;
  if (head.status !== 100 && settings.profile.responseFields === 'all')
    client.sendInterim(changeInterim(draftInterim(head), settings.fields));
}
