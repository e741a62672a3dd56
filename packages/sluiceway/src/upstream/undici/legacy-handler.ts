import type { Duplex } from 'node:stream';
import type { DispatchController, DispatchHandler, LegacyDispatchHandler, RawFields } from './dispatcher.js';

/** The controller of undici 7, built from the functions of undici 6. */
class LegacyController implements DispatchController {
  readonly abort: (reason: Error) => void;
  /** Continues reading. Set when the head arrives. */
  onResume: () => void = () => {};
  isPaused = false;

  constructor(abort: (reason: Error) => void) {
    this.abort = abort;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.onResume();
  }
}

/** A handler of undici 7 and 8 that also supports undici 6. Each version calls the methods that it knows. */
export abstract class LegacyHandler implements DispatchHandler, LegacyDispatchHandler {
  #controller = new LegacyController(() => {});

  onConnect(abort: (reason: Error) => void): void {
    this.#controller = new LegacyController(abort);
    this.onRequestStart(this.#controller);
  }

  onUpgrade(status: number, headers: RawFields, socket: Duplex): void {
    this.onRequestUpgrade(this.#controller, status, headers, socket);
  }

  onHeaders(status: number, headers: RawFields, resume: () => void, statusText: string): boolean {
    this.#controller.onResume = resume;
    this.onResponseStart(this.#controller, status, headers, statusText);
    return !this.#controller.isPaused;
  }

  onData(chunk: Buffer): boolean {
    this.onResponseData(this.#controller, chunk);
    return !this.#controller.isPaused;
  }

  onComplete(trailers: RawFields | null): void {
    this.onResponseEnd(this.#controller, trailers ?? []);
  }

  onError(error: Error): void {
    this.onResponseError(this.#controller, error);
  }

  abstract onRequestStart(controller: DispatchController): void;
  abstract onRequestUpgrade(
    controller: DispatchController,
    status: number,
    headers: RawFields,
    socket: Duplex,
  ): void;
  abstract onResponseStart(
    controller: DispatchController,
    status: number,
    headers: RawFields,
    statusText?: string,
  ): void;
  abstract onResponseData(controller: DispatchController, chunk: Buffer): void;
  abstract onResponseEnd(controller: DispatchController, trailers: RawFields): void;
  abstract onResponseError(controller: DispatchController | null, error: Error): void;
}
