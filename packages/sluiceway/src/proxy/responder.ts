import { SluicewayError } from '../errors.js';
import { allowedMethods, isFaulty } from './admission.js';
import { draftErrorAnswer, frameOwnContent, toResponseHead } from './answer.js';
import type { Answer } from './hooks.js';
import { lingerOnClose } from './lingering-close.js';
import type { ProxySettings } from './options.js';
import type { Passage } from './passage.js';
import * as respond from './respond.js';
import type { RunningTransfers } from './running-transfers.js';
import { isLeftUnread } from './upload.js';

/** Commits to response heads, sends content of the application's own, and answers failures. */
export class Responder {
  readonly #settings: ProxySettings;
  readonly #running: RunningTransfers;

  constructor(settings: ProxySettings, running: RunningTransfers) {
    this.#settings = settings;
    this.#running = running;
  }

  /** Sends an answer of a hook. */
  async answer(passage: Passage, answer: Answer): Promise<void> {
    const head = toResponseHead(answer);
    this.#settings.fields.response?.complete(head.fields);
    await this.sendOwn(passage, head, answer.content);
  }

  /** Sends a response with content of the application's own, or with none. */
  async sendOwn(passage: Passage, head: respond.ResponseHead, content: Answer['content']): Promise<void> {
    const { transfer, response, request } = passage;
    const contentless = respond.isContentless(request.method ?? '', head.status);
    const source = frameOwnContent(head, content, contentless);
    this.commit(passage, head);
    if (contentless) {
      source.cancel();
      response.end();
    } else {
      await respond.relayContent(transfer, response, source);
    }
    await transfer.closed();
    transfer.throwIfAborted();
  }

  /** The point of no return: from here on a failure can only be shown by breaking off. */
  commit(passage: Passage, head: respond.ResponseHead): void {
    const { transfer, request, response, admission } = passage;
    const unread = isLeftUnread(request, admission?.upload ?? null);
    if (unread && response.socket !== null) lingerOnClose(request, response.socket);
    if (unread || this.#running.isDraining || isFaulty(request)) head.fields.set('Connection', 'close');
    respond.writeHead(response, head);
    transfer.status = head.status;
    transfer.delimitedByClose = !response.chunkedEncoding && !head.fields.has('content-length');
    if (transfer.delimitedByClose) respond.breakOffAtClientEnd(response);
  }

  /** Answers a failure where that is still possible, and shows it otherwise. Never throws. */
  async fail(passage: Passage, error: SluicewayError): Promise<void> {
    const { transfer, response } = passage;
    if (response.headersSent || transfer.status !== null) {
      respond.breakOff(response, transfer.delimitedByClose);
      return;
    }
    if (response.destroyed || error.code === 'client_aborted') return;
    transfer.timeouts.responseWaitsFor('client');
    try {
      const { onError } = this.#settings.hooks;
      const answer = await onError?.(error, passage.admission?.downstream ?? null);
      await (answer ? this.answer(passage, answer) : this.#report(passage, error));
    } catch (thrown) {
      // The hook has failed too, or nobody takes the answer.
      if (!(thrown instanceof SluicewayError))
        process.emitWarning(thrown instanceof Error ? thrown : String(thrown));
      if (response.headersSent) respond.breakOff(response, transfer.delimitedByClose);
      else await this.#report(passage, error).catch(() => response.destroy());
    }
  }

  /** Sends the default answer to a failure. */
  async #report(passage: Passage, error: SluicewayError): Promise<void> {
    const { pseudonym, profile, fields } = this.#settings;
    const answer = draftErrorAnswer(error, pseudonym, allowedMethods(profile));
    const head = toResponseHead(answer);
    fields.response?.remove(head.fields);
    fields.response?.complete(head.fields);
    await this.sendOwn(passage, head, answer.content);
  }
}
