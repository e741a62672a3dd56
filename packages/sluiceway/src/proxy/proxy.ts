// long file: it shows the whole way of a request, from top to bottom.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ClientExchange, ClientRequest, ClientResponse } from '../downstream/exchange.js';
import { isTurnedAway } from '../downstream/http1/http1-connection.js';
import { Http1Exchange } from '../downstream/http1/http1-exchange.js';
import { takeUpgrade } from '../downstream/http1/http1-upgrade.js';
import { toClientExchange } from '../downstream/to-exchange.js';
import { type Outcome, SluicewayError, toSluicewayError } from '../errors.js';
import { preflightStatus } from '../http/cors.js';
import type { LimitControl } from '../limits/control.js';
import { STAGES } from '../limits/keys.js';
import type { LimitRuleOptions } from '../limits/rule-options.js';
import { readListener } from '../net/own-listeners.js';
import type { HandleContext } from './messages/handle-context.js';
import type { Handler } from './messages/handler.js';
import { type ResponseMessages, runHook } from './messages/hooks.js';
import { isAnswer, type Selector } from './messages/selection.js';
import { resolveRules } from './options/limit-rules.js';
import type { ProxySettings } from './options/proxy-settings.js';
import { changeDestination } from './request/change-destination.js';
import { draftUpstreamRequest, normalizeRequest } from './request/draft-request.js';
import { expectSidecar } from './request/expect-sidecar.js';
import { nextRequestId, readDownstreamRequest } from './request/read-request.js';
import { makeRequestId } from './request/request-id.js';
import { changeRequest } from './request/request-rules.js';
import { newRequestState } from './request/request-state.js';
import { requireAccess } from './request/require-access.js';
import { endSelection, setTarget, toLimitTarget } from './request/select-target.js';
import { sendUpstream, toUpstreamRequest } from './request/send-upstream.js';
import { transformRequest } from './request/transform-request.js';
import { changesContent, discardStreams } from './request/transform-streams.js';
import { answerAsLastServer, validateRequest } from './request/validate-request.js';
import { applyTransform, askForWhole } from './response/apply-transform.js';
import { removeArchiveCoding } from './response/archive-coding.js';
import {
  draftDownstreamResponse,
  lengthToAdd,
  normalizeFraming,
  toUpstreamResponse,
} from './response/draft-response.js';
import { applySize, hasSize } from './response/expected-size.js';
import { limitResponse } from './response/limit-response.js';
import { contentLengthAfter } from './response/pipeline.js';
import { relayInterim } from './response/relay-interim.js';
import { Responder } from './response/responder.js';
import { changeResponse } from './response/response-rules.js';
import { decideResume } from './response/resume-content.js';
import {
  announceVerification,
  decideVerification,
  expectDigest,
  forgetSidecar,
  isFitFor,
} from './response/verify-content.js';
import type { RunningTransfer, TransferWatcher, WatchOptions } from './transfer/running-transfer.js';
import { RunningTransfers } from './transfer/running-transfers.js';
import { Transfer } from './transfer/transfer.js';

/**
 * A reverse proxy: sends each request to an origin server and its response back to the client, and streams both.
 * Created by `createProxy`; mount it on a server with `attach`. `Context` is the type of the `context` that `handle`
 * passes to hooks.
 */
export class ReverseProxy<Context = unknown> implements Handler<Context> {
  readonly #settings: ProxySettings;
  readonly #selector: Selector;
  readonly #running: RunningTransfers;
  readonly #responder: Responder;

  constructor(settings: ProxySettings, selector: Selector) {
    this.#settings = settings;
    this.#selector = selector;
    this.#running = new RunningTransfers(settings.observers, settings.tunnelDrainMs);
    this.#responder = new Responder(settings, this.#running);
  }

  /** The number of running transfers. */
  get active(): number {
    return this.#running.size;
  }

  /** The running transfers. Their members keep changing until they end. */
  transfers(): readonly RunningTransfer[] {
    return this.#running.list();
  }

  /** Tells the running transfers, and then each change, at most once per `interval`. Returns a function that ends it. */
  watch(options: WatchOptions, listener: TransferWatcher): () => void {
    return this.#running.watch(options, listener);
  }

  /** What the keys of `limits.rules` use now, and how to block one. */
  get limits(): LimitControl {
    return this.#settings.limits;
  }

  /**
   * Replaces `limits.rules`, for running transfers too. A rule keeps its counts if it keeps its name. Throws an
   * `OptionsError` that lists every problem, and changes nothing then.
   */
  setLimits(rules: readonly LimitRuleOptions[]): void {
    this.#settings.limits.setRules(resolveRules(rules), this.#running.all);
  }

  /**
   * Serves one HTTP/1 or HTTP/2 request. Resolves with the outcome once the response has ended, complete or not.
   * Rejects only with `errors: 'throw'`: then a failure before the head rejects with the `SluicewayError`, and nothing
   * has been written. A redirect of the access policy is sent, and not thrown.
   */
  handle(
    request: ClientRequest,
    response: ClientResponse,
    context: HandleContext<Context> = {},
  ): Promise<Outcome> {
    if (isTurnedAway(request)) return Promise.resolve('client_aborted');
    return this.#pass(toClientExchange(request, response), context);
  }

  /** Like `handle`, for a request that was not read by a Node.js server. */
  serve(client: ClientExchange, context: HandleContext<Context> = {}): Promise<Outcome> {
    return this.#pass(client, context);
  }

  /**
   * Serves a request for another protocol, with the arguments of Node's `upgrade` event. Opens a tunnel if the origin
   * server agrees, and sends an ordinary response otherwise. Never rejects.
   */
  async upgrade(
    request: IncomingMessage,
    duplex: Duplex,
    head: Buffer,
    context: HandleContext<Context> = {},
  ): Promise<Outcome> {
    try {
      const upgrade = await takeUpgrade(request, duplex, head, (again, response, waits) =>
        this.handle(again, response, { ...context, awaitsContinue: waits }),
      );
      if (typeof upgrade === 'string') return upgrade;
      const awaitsContinue = request.headers.expect?.toLowerCase() === '100-continue';
      const client = new Http1Exchange(request, upgrade.response, upgrade);
      return await this.#pass(client, { ...context, awaitsContinue });
    } catch (error) {
      // Thrown for a framework, but frameworks do not handle upgrades: closing the connection tells the client.
      duplex.destroy();
      return toSluicewayError(error).outcome;
    }
  }

  /**
   * Stops serving: new requests get 503, running transfers may finish, and WebSockets are closed with 1001 after
   * `timeouts.tunnelDrain`. Resolves when the last transfer has ended.
   */
  async close(): Promise<void> {
    await this.#running.drain();
    this.#settings.limits.close();
    this.#settings.ownGroup?.close();
    this.#settings.guards.end();
    await this.#settings.transport.close();
  }

  /** Aborts everything immediately. Running transfers are visibly incomplete and have the outcome `shutdown`. */
  destroy(): void {
    void this.#running.drain();
    this.#settings.limits.close();
    this.#settings.ownGroup?.close();
    this.#settings.guards.end();
    this.#running.abort(new SluicewayError('shutdown', 'The proxy was stopped'));
    this.#settings.transport.destroy();
  }

  /** The steps of a request, in order. */
  async #pass(client: ClientExchange, context: HandleContext): Promise<Outcome> {
    const { hooks, profile, proxyName, headers, timeouts, peers, access, cors, digests, requestId, limits } =
      this.#settings;
    const transfer = new Transfer(
      nextRequestId(),
      client,
      timeouts,
      this.#settings.hidePath,
      this.#settings.zeroCopy,
    );
    const state = newRequestState(transfer, client, context);
    const { stages } = state;
    const ids = makeRequestId(requestId, transfer.id);
    transfer.requestId = ids.made;
    let outcome: Outcome = 'internal';
    this.#running.add(transfer);
    try {
      // 1. Admit: wait for pipelined requests before it, read the client's request, check access, and validate it.
      if (client.isPipelined) await transfer.waitForPipeline();
      if (this.#running.isDraining) throw new SluicewayError('shutdown', 'The proxy is shutting down');
      const request = readDownstreamRequest(client, context, transfer.id, peers, ids);
      const { downstream } = request;
      state.downstream = downstream;
      transfer.request = downstream;
      transfer.requestId = downstream.requestId;
      state.trace = this.#settings.tracing?.start(downstream) ?? null;
      this.#settings.learnListener?.(client.listener ?? readListener(client.connection));
      const preflight = cors === null ? null : preflightStatus(cors, downstream);
      if (preflight !== null) {
        await this.#responder.answer(state, { status: preflight });
        return (outcome = 'answered');
      }
      if (access !== null || headers.identity !== null)
        await requireAccess(access, request, transfer, headers.identity);
      const validated = validateRequest(client, request, transfer, this.#settings, context.content);
      state.validated = validated;
      if (limits.hasRules) await limits.admit(transfer, downstream, STAGES.request);

      // 2. Select the target, or an answer.
      const found =
        answerAsLastServer(downstream, profile) ?? this.#selector.select(downstream, transfer, context);
      const selected = found instanceof Promise ? await found : found;
      if (!isAnswer(selected)) {
        state.selection = selected;
        transfer.link = selected.link ?? null;
      }
      transfer.throwIfAborted();
      if (isAnswer(selected)) {
        await this.#responder.answer(state, selected);
        return (outcome = 'answered');
      }
      transfer.limitTarget ??= toLimitTarget(selected);
      if (limits.hasRules || transfer.admission !== null)
        await limits.admit(transfer, downstream, STAGES.target);

      // 3. Draft the upstream request.
      const transform = hooks.transform?.response;
      const changes = transform !== undefined && (await changesContent(transform, downstream));
      const upstream = draftUpstreamRequest(validated, profile, proxyName, headers.forwarded);
      if (requestId?.toUpstream === true && profile.forwarded)
        upstream.headers.set(requestId.field, downstream.requestId);
      if (changes) askForWhole(upstream.headers);
      setTarget(upstream, selected, context, this.#settings.acceptEncoding);
      if (headers.request !== null || hooks.onUpstreamRequest || validated.grantedFields !== null)
        state.clientFields = upstream.headers.clone();
      validated.grantedFields?.setOn(upstream.headers, profile.requestHeaders);
      changeRequest(upstream, downstream, headers);
      if (hooks.onUpstreamRequest) {
        await runHook(hooks.onUpstreamRequest, { request: downstream, upstreamRequest: upstream });
        normalizeRequest(upstream);
      }
      if (headers.rewritesDestination) changeDestination(upstream, downstream, client);
      const sidecar = expectSidecar(state, validated, upstream, this.#settings);
      if (sidecar !== null) await sidecar;
      expectDigest(state, upstream, digests);
      if (hooks.transform?.request)
        await transformRequest(state, hooks.transform.request, downstream, upstream);
      transfer.throwIfAborted();

      // 4. Send it, and wait for the response head.
      const arrived = await sendUpstream(state, validated, upstream, this.#settings, {
        onInterim: (head) => relayInterim(state, head, upstream, this.#settings),
        isUsable: (response) => isFitFor(upstream, response, digests) && hasSize(upstream, response),
      });
      const received = arrived.response;
      applySize(state, upstream, received);
      decideVerification(state, upstream, received, digests);
      if (!changes) decideResume(state, arrived, this.#settings);
      const switchedTo = received.headers.get('upgrade');

      // 5. Draft the response head.
      const seen = (hooks.onUpstreamResponse ?? transform) && toUpstreamResponse(received);
      announceVerification(state, upstream, received, digests);
      const takesTrailers = client.takesTrailers(received.contentLength ?? lengthToAdd(stages, received));
      const draft = draftDownstreamResponse(stages, received, profile, proxyName, takesTrailers);
      if (this.#settings.removesArchiveCoding && draft.headers.has('content-encoding'))
        removeArchiveCoding(draft.headers, [upstream.path, arrived.sent.target.path]);
      changeResponse(draft, stages, downstream, upstream, headers);
      arrived.balanced?.setCookie(draft.headers, downstream);
      const answer = selected.checkResponse ? await selected.checkResponse(received, draft) : null;
      transfer.throwIfAborted();
      if (answer !== null) {
        received.content.cancel();
        await this.#responder.answer(state, answer);
        outcome = 'completed';
        return outcome;
      }
      const { maxResponseContent } = this.#settings;
      stages.limits = limitResponse(selected, received, downstream.method, maxResponseContent);
      if (seen !== undefined) {
        const messages: ResponseMessages = {
          request: downstream,
          upstreamRequest: toUpstreamRequest(arrived.sent),
          upstreamResponse: seen,
          response: draft,
        };
        await runHook(hooks.onUpstreamResponse, messages);
        transfer.throwIfAborted();

        // 6. Prepare the content. `response/pipeline.ts` lists its stages in order.
        if (transform) await applyTransform(state, transform, changes, messages, received);
        transfer.throwIfAborted();
      }
      if (seen !== undefined || upstream.method !== downstream.method) {
        const length = contentLengthAfter(stages, received);
        normalizeFraming(draft, length, downstream.method, seen?.headers.get('content-length'));
      }

      // 7. Send the head, and relay the content.
      if (received.tunnel !== null)
        await this.#responder.tunnel(state, draft, received.tunnel, switchedTo ?? '');
      else await this.#responder.relay(state, draft, received);
      outcome = 'completed';
    } catch (thrown) {
      const error = transfer.error ?? toSluicewayError(thrown);
      outcome = error.outcome;
      if (error.code === 'http_response_digest_mismatch') forgetSidecar(state);
      transfer.fail(error);
      const isFailure = error.code !== 'client_aborted' && error.status >= 400;
      if (isFailure && this.#throws(context) && !client.isHeadSent) {
        client.release();
        context.onThrow?.(this.#responder.draftFailure(state, error));
        throw error;
      }
      await this.#responder.fail(state, error);
    } finally {
      const ended = state.selection?.end ? endSelection(state.selection, outcome) : null;
      client.finish();
      if (state.transform !== null) discardStreams(state.transform.streams);
      limits.leave(transfer);
      if (ended !== null) await ended;
      this.#running.end(transfer, outcome, state.trace);
    }
    return outcome;
  }

  #throws({ errors }: HandleContext): boolean {
    return errors === undefined ? this.#settings.throwsErrors : errors === 'throw';
  }
}
