import { answeredElsewhere } from '../../downstream/checks.js';
import type { ResponseHead } from '../../downstream/exchange.js';
import { isInstance, type Outcome, SluicewayError, toWarning } from '../../errors.js';
import { setCorsFields } from '../../http/cors.js';
import type { Tunnel } from '../../stream/tunnel.js';
import type { TransportResponse } from '../../upstream/transport.js';
import type { Answer, DownstreamResponseDraft } from '../messages/responses.js';
import type { ProxySettings } from '../options/proxy-settings.js';
import type { RequestState } from '../request/request-state.js';
import { isLeftUnread } from '../request/upload.js';
import { allowedMethods } from '../request/validate-request.js';
import { runTunnel } from '../transfer/relay-tunnel.js';
import type { RunningTransfers } from '../transfer/running-transfers.js';
import { addDigestTrailer } from './add-digest-trailer.js';
import { draftErrorAnswer, frameOwnContent, toResponseHead } from './answer.js';
import { contentLengthAfter, openContent, openOwnContent } from './pipeline.js';
import { isContentless, relayContent } from './respond.js';

/** After these failures, content that has been written should still reach the client. */
const LEAVES_CONTENT_VALID: ReadonlySet<Outcome> = new Set(['upstream_truncated', 'upstream_invalid']);

/** Fields that would be wrong for the content of an application's error page. */
const DESCRIBES_CONTENT: ReadonlySet<string> = new Set([
  'content-type',
  'content-encoding',
  'content-language',
  'content-disposition',
  'etag',
  'last-modified',
]);

/** Sends response heads and content, and answers failures. */
export class Responder {
  readonly #settings: ProxySettings;
  readonly #running: RunningTransfers;

  constructor(settings: ProxySettings, running: RunningTransfers) {
    this.#settings = settings;
    this.#running = running;
  }

  /** Sends an answer of a hook. */
  async answer(state: RequestState, answer: Answer): Promise<void> {
    const head = toResponseHead(answer);
    this.#settings.headers.response?.complete(head.headers);
    await this.sendOwn(state, head, answer.content);
  }

  /** Sends a response with content that the application supplies, or without content. */
  async sendOwn(state: RequestState, head: ResponseHead, content: Answer['content']): Promise<void> {
    const { transfer, client } = state;
    const contentless = isContentless(client.method, head.status);
    const { source, statedLength } = frameOwnContent(head, content, contentless);
    try {
      this.commit(state, head);
    } catch (error) {
      source.cancel();
      throw error;
    }
    if (contentless) {
      source.cancel();
      client.endWithoutContent();
    } else {
      await relayContent(transfer, client, openOwnContent(source, statedLength, transfer));
    }
    await transfer.closed();
    transfer.throwIfAborted();
  }

  /** Sends the response of an origin server, or the content that a hook has put in its place. */
  async relay(
    state: RequestState,
    draft: DownstreamResponseDraft,
    received: TransportResponse,
  ): Promise<void> {
    const { transfer, client, stages } = state;
    if (draft.content !== undefined) {
      received.content.cancel();
      await this.sendOwn(state, draft, draft.content);
      return;
    }
    const length = contentLengthAfter(stages, received);
    if (this.#settings.digests.sendsTrailer) addDigestTrailer(state, draft, length);
    const content = openContent(state, received);
    try {
      this.commit(state, draft);
    } catch (error) {
      content.cancel();
      throw error;
    }
    if (isContentless(client.method, draft.status) && length !== 0) {
      content.cancel();
      client.endWithoutContent();
    } else {
      await relayContent(transfer, client, content);
    }
    await transfer.closed();
    transfer.throwIfAborted();
  }

  /** Relays bytes both ways after a 101. */
  async tunnel(
    { transfer, client }: RequestState,
    draft: DownstreamResponseDraft,
    upstream: Tunnel,
    protocol: string,
  ): Promise<void> {
    const { requestId } = this.#settings;
    if (requestId?.toClient === true) draft.headers.set(requestId.field, transfer.requestId);
    const opened = client.switchProtocols(draft, protocol);
    transfer.sentHead({ status: opened.status, headers: draft.headers });
    await runTunnel(transfer, opened, upstream, protocol);
    transfer.throwIfAborted();
  }

  /** Sends the head. After this, the only way to report a failure is to break the response off. */
  commit(state: RequestState, head: ResponseHead): void {
    const { transfer, client } = state;
    if (client.isHeadSent) throw answeredElsewhere();
    this.#addOwnFields(state, head);
    state.context.onHead?.(head);
    client.sendHead(head, {
      leavesContentUnread: isLeftUnread(client, state.received),
      isLast: this.#running.isDraining,
    });
    transfer.sentHead(head);
  }

  /** Answers a failure if the head is not sent yet, and breaks the response off otherwise. Never throws. */
  async fail(state: RequestState, error: SluicewayError): Promise<void> {
    const { transfer, client } = state;
    if (transfer.status !== null) {
      client.breakOff(this.#settings.breakOff, !LEAVES_CONTENT_VALID.has(error.outcome));
      return;
    }
    // Other code has begun this response: do not break it off.
    if (client.isHeadSent || client.isGone || error.code === 'client_aborted') return;
    transfer.timeouts.responseWaitsFor('client');
    try {
      const { onError } = this.#settings.hooks;
      const answer = await onError?.({ error, request: state.downstream });
      await (answer ? this.answer(state, answer) : this.#report(state, error));
    } catch (thrown) {
      // The hook has failed too, or the client did not take the answer.
      if (!isInstance(thrown, SluicewayError)) process.emitWarning(toWarning(thrown));
      if (transfer.status !== null) client.breakOff(this.#settings.breakOff);
      else if (!client.isHeadSent) await this.#report(state, error).catch(() => client.destroy());
    }
  }

  /** The head of the default answer to a failure, for code that answers with content of its own. */
  draftFailure(state: RequestState, error: SluicewayError): ResponseHead {
    const head = this.#draftReport(this.#toReport(error));
    this.#addOwnFields(state, head);
    head.headers.retain((name) => !DESCRIBES_CONTENT.has(name.toLowerCase()));
    return head;
  }

  /** Sends the default answer to a failure. */
  async #report(state: RequestState, error: SluicewayError): Promise<void> {
    const answer = this.#toReport(error);
    await this.sendOwn(state, this.#draftReport(answer), answer.content);
  }

  #toReport(error: SluicewayError): Answer {
    const { proxyName, profile } = this.#settings;
    return draftErrorAnswer(error, proxyName, allowedMethods(profile));
  }

  #draftReport(answer: Answer): ResponseHead {
    const { response } = this.#settings.headers;
    const head = toResponseHead(answer);
    response?.remove(head.headers);
    response?.complete(head.headers);
    return head;
  }

  #addOwnFields({ transfer, downstream }: RequestState, { headers }: ResponseHead): void {
    const { cors, requestId } = this.#settings;
    if (requestId?.toClient === true) headers.set(requestId.field, transfer.requestId);
    if (cors !== null && downstream !== null) setCorsFields(headers, cors, downstream);
  }
}
