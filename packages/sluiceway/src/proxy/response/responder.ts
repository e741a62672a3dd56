import { answeredElsewhere } from '../../downstream/checks.js';
import type { ResponseHead } from '../../downstream/exchange.js';
import { isInstance, type Outcome, SluicewayError, toWarning } from '../../errors.js';
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

/** After other failures, no more of what was written has to reach the client, or it does not take it. */
const LEAVES_CONTENT_VALID: ReadonlySet<Outcome> = new Set(['upstream_truncated', 'upstream_invalid']);

/** Commits to response heads, sends content of the application's own, and answers failures. */
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

  /** Sends a response with content of the application's own, or with none. */
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

  /** Sends the response of an origin server, or what a hook has put in the place of its content. */
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
    const opened = client.switchProtocols(draft, protocol);
    transfer.sentHead(opened.status);
    await runTunnel(transfer, opened, upstream, protocol);
    transfer.throwIfAborted();
  }

  /** The point of no return: from here on a failure can only be shown by breaking off. */
  commit(state: RequestState, head: ResponseHead): void {
    const { transfer, client, validated, downstream } = state;
    const { completeHead } = this.#settings;
    if (client.isHeadSent) throw answeredElsewhere();
    if (completeHead !== null && downstream !== null) completeHead(head.headers, downstream);
    state.context.onHead?.(head);
    client.sendHead(head, {
      leavesContentUnread: isLeftUnread(client, validated?.upload ?? null),
      isLast: this.#running.isDraining,
    });
    transfer.sentHead(head.status);
  }

  /** Answers a failure where that is still possible, and shows it otherwise. Never throws. */
  async fail(state: RequestState, error: SluicewayError): Promise<void> {
    const { transfer, client } = state;
    if (transfer.status !== null) {
      client.breakOff(this.#settings.breakOff, !LEAVES_CONTENT_VALID.has(error.outcome));
      return;
    }
    // A response that somebody else has begun is not ours to break off.
    if (client.isHeadSent || client.isGone || error.code === 'client_aborted') return;
    transfer.timeouts.responseWaitsFor('client');
    try {
      const { onError } = this.#settings.hooks;
      const answer = await onError?.({ error, request: state.downstream });
      await (answer ? this.answer(state, answer) : this.#report(state, error));
    } catch (thrown) {
      // The hook has failed too, or nobody takes the answer.
      if (!isInstance(thrown, SluicewayError)) process.emitWarning(toWarning(thrown));
      if (transfer.status !== null) client.breakOff(this.#settings.breakOff);
      else if (!client.isHeadSent) await this.#report(state, error).catch(() => client.destroy());
    }
  }

  /** Sends the default answer to a failure. */
  async #report(state: RequestState, error: SluicewayError): Promise<void> {
    const { proxyName, profile, headers } = this.#settings;
    const answer = draftErrorAnswer(error, proxyName, allowedMethods(profile));
    const head = toResponseHead(answer);
    headers.response?.remove(head.headers);
    headers.response?.complete(head.headers);
    await this.sendOwn(state, head, answer.content);
  }
}
