import { SluicewayError } from '../../errors.js';
import { appendCdnLoop } from '../../http/cdn-loop.js';
import type { Fields } from '../../http/fields.js';
import { isAgreed } from '../../http/upgrade.js';
import type { ClientConnection } from '../../net/client-connection.js';
import type { BalancedTransfer } from '../../upstream/group/balanced-transfer.js';
import { aimAt } from '../../upstream/group/send-to-group.js';
import { findRangeFault, statedLength } from '../../upstream/partial-content.js';
import { aim } from '../../upstream/resume/resume-targets.js';
import { type SendOptions, type Sent, type StartingPoint, send } from '../../upstream/send.js';
import { type SeveralOptions, sendToAny } from '../../upstream/send-to-any.js';
import { type Target, toTarget } from '../../upstream/target.js';
import type {
  InterimResponse,
  RequestClient,
  RequestContent,
  Transport,
  TransportRequest,
  TransportResponse,
} from '../../upstream/transport.js';
import type { DownstreamRequest } from '../messages/downstream-request.js';
import type { UpstreamRequest, UpstreamRequestDraft } from '../messages/upstream-request.js';
import type { ProxySettings } from '../options/proxy-settings.js';
import { announceTrailers, keepsContent } from './draft-request.js';
import { verifyIfRange } from './if-range.js';
import { openRequestContent } from './request-content.js';
import type { RequestState } from './request-state.js';
import { secretFields } from './secret-fields.js';
import { balancedFor, sendBalanced } from './send-balanced.js';
import { uploadBytes } from './upload.js';
import type { ValidRequest } from './validate-request.js';

type SendSettings = Pick<
  ProxySettings,
  'verifiesIfRange' | 'headers' | 'profile' | 'loopName' | 'transport' | 'convertHead'
>;

/** What the response side decides while a request is sent. */
export interface ResponseSteps {
  /** Called with each interim response, 100 included. */
  onInterim(head: InterimResponse): void;
  /** Whether the response is usable. If not, the next mirror is tried. */
  isUsable(response: TransportResponse): boolean;
}

/** The final response, and what is needed to ask for the rest of its content. */
export interface ReceivedResponse {
  response: TransportResponse;
  /** The target and the request where the redirects to the response began. */
  start: StartingPoint;
  sent: Sent;
  /** The same request as `begin` for other servers of the same file, in the order in which they can be asked. */
  others(begin: StartingPoint): StartingPoint[];
  send: SendOptions;
  transport: Transport;
  /** The use of a group of servers. Null if there is none. */
  balanced: BalancedTransfer | null;
}

/** The request as it was last sent, for hooks. They get a copy of the fields, since resuming sends the fields again. */
export function toUpstreamRequest({ target, request: { method, path, headers } }: Sent): UpstreamRequest {
  return { method, target, path, headers: headers.clone() };
}

/** Sends the upstream request and waits for the final response head. */
export async function sendUpstream(
  state: RequestState,
  validated: ValidRequest,
  draft: UpstreamRequestDraft,
  settings: SendSettings,
  steps: ResponseSteps,
): Promise<ReceivedResponse> {
  const { transfer, context, client, selection, trace } = state;
  const { downstream, protocol } = validated;
  const upload = chooseUpload(validated, draft);
  const { timeouts } = transfer;
  const expectContinue = upload !== null && draft.content === undefined && context.awaitsContinue === true;
  const sending = upload && openRequestContent(state, upload, settings.headers, expectContinue);
  state.received = sending?.received ?? null;
  // Content that waits for a 100 waits for the origin server.
  if (expectContinue) timeouts.requestWaitsFor('upstream');
  let answered = false;
  if (sending?.content.length === null)
    announceTrailers(draft, downstream, state.transform?.changes === true);
  const request: TransportRequest = {
    destination: draft.target.base,
    path: draft.path,
    method: draft.method,
    headers: draft.headers,
    content: sending?.content ?? null,
    upgrade: protocol,
    expectContinue,
    client: toRequestClient(client.connection, downstream),
    onInterim: (head) => steps.onInterim(head),
    onRequestSent: () => {
      if (upload !== null) timeouts.requestWaitsFor('nobody');
      if (!answered) timeouts.responseWaitsFor('head');
    },
  };
  const options: SendOptions = {
    maxRedirects: settings.profile.maxRedirects,
    ...(!settings.profile.forwarded && { markLoop: loopMarker(downstream, settings.loopName) }),
    convertHead: settings.convertHead,
    ...(trace !== null && { trace: (asked: Target, fields: Fields) => trace.onAttempt(asked, fields) }),
    onAttempt: (exchange, asked) => transfer.attempt(exchange, asked),
    // A function, not a getter: V8 makes a hidden class for each object that has a getter.
    secretFields: () => secretFields(state, draft.headers),
    ...(selection?.check !== undefined && { check: (target) => selection.check?.(target) ?? null }),
  };
  const { target } = draft;
  const mirrors = upload === null && protocol === null ? toMirrors(draft) : NONE;
  // Only for the two ways that need it: the copy would be a large part of the cost of a small response.
  const several = (): SeveralOptions => ({
    ...options,
    onTry: (hasOthers) => {
      transfer.hasOtherTargets = hasOthers;
      // Stop the timeout for the previous target's head.
      timeouts.responseWaitsFor('nobody');
    },
    isFit: (response) => steps.isUsable(response) && findRangeFault(draft.method, response) === null,
  });
  const balanced = mirrors.length === 0 ? balancedFor(selection, draft) : null;
  const transport = balanced?.measure(settings.transport) ?? settings.transport;
  let first: { start: StartingPoint; sent: Sent };
  let others: ReceivedResponse['others'] = () => [];
  if (balanced !== null) {
    first = await sendBalanced(transfer, transport, { target, request }, balanced, draft, several());
    others = (begin) => balanced.others().map((other) => aimAt(begin, other));
  } else if (mirrors.length > 0) {
    const any = await sendToAny(transport, request, [target, ...mirrors], several());
    first = any;
    others = (begin) => any.others.map((other) => aim(begin, other, options.secretFields?.() ?? []));
  } else {
    first = { start: { target, request }, sent: await send(transport, request, target, options) };
  }
  const { start } = first;
  let { sent } = first;
  if (settings.verifiesIfRange && sent.response.status === 206) {
    const { target: found } = sent;
    const ask = (again: TransportRequest): Promise<Sent> => send(transport, again, found, options);
    sent = await verifyIfRange(sent, ask, () => {
      transfer.ifRangeRetries += 1;
    });
    if (sent !== first.sent) balanced?.settle();
  }
  const received = sent.response;
  transfer.receivedHead(received.httpVersion);
  const { method } = sent.request;
  // A redirect may have changed the method. The answer to a HEAD that was sent as GET is still the answer to a HEAD.
  if (draft.method !== 'HEAD' && draft.method !== method) draft.method = method;
  answered = true;
  timeouts.responseWaitsFor('nobody');
  if (sending?.sent.isRunning !== true) timeouts.requestWaitsFor('nobody');
  transfer.throwIfAborted();
  if (received.tunnel !== null && !isAgreed(protocol ?? '', received.headers.get('upgrade')))
    throw new SluicewayError('http_upgrade_failed', 'The origin server switched to another protocol');
  if (received.tunnel !== null && sending?.sent.isRunning === true)
    throw new SluicewayError(
      'http_upgrade_failed',
      'The origin server switched protocols before it had the whole request',
    );
  const fault = findRangeFault(draft.method, received);
  if (fault !== null) throw fault;
  state.stages.statedLength = statedLength(draft.method, received);
  return { response: received, start, sent, others, send: options, transport, balanced };
}

/**
 * Identifies the client for connections that authentication binds to one client. A trusted proxy may send requests of
 * several clients on one connection, so the address that it reports is used; without one, no connection is bound.
 */
function toRequestClient(
  connection: ClientConnection | null,
  downstream: DownstreamRequest,
): RequestClient | null {
  if (connection === null) return null;
  if (!downstream.trusted) return { connection, address: downstream.clientAddress };
  const address = downstream.forwarded.for;
  return address === null ? null : { connection, address };
}

/** The content to send: the hook's, or the client's if the method still allows it. */
function chooseUpload(validated: ValidRequest, draft: UpstreamRequestDraft): RequestContent | null {
  const { content } = draft;
  if (content !== undefined)
    return uploadBytes(typeof content === 'string' ? Buffer.from(content) : content, null);
  return keepsContent(draft, validated.downstream) ? validated.upload : null;
}

const NONE: readonly Target[] = [];

/** Other locations of the same file. Only GET and HEAD are sent to several servers, since they have no effect. */
export function toMirrors({ method, mirrors }: UpstreamRequestDraft): readonly Target[] {
  if (mirrors.length === 0 || (method !== 'GET' && method !== 'HEAD')) return NONE;
  return mirrors.map((mirror) =>
    typeof mirror === 'string' || mirror instanceof URL ? toTarget(mirror) : mirror,
  );
}

/**
 * A profile that does not forward sends no CDN-Loop to third parties. The exception is a request to the host that the
 * client has asked for: it can come back here even if the address is not one of our listeners. It carries the client's
 * CDN-Loop and our name (RFC 8586 section 2).
 */
export function loopMarker(
  downstream: DownstreamRequest,
  loopName: string,
): NonNullable<SendOptions['markLoop']> {
  const ours = plainAuthority(downstream.host);
  return (fields, { base }) => {
    if (ours !== plainAuthority(base.host)) return;
    fields.delete('CDN-Loop');
    for (const line of downstream.headers.getAll('cdn-loop')) fields.append('CDN-Loop', line);
    appendCdnLoop(fields, loopName);
  };
}

/** Removes a default port and the trailing dot of a name. */
const plainAuthority = (host: string | null): string | undefined =>
  host
    ?.toLowerCase()
    .replace(/:(?:80|443)?$/, '')
    .replace(/\.(?=$|:)/, '');
