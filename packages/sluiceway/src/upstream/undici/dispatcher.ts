import type { Duplex, Readable } from 'node:stream';

/**
 * The part of a `Dispatcher` of undici 6, 7 or 8 that is used: an `Agent`, `Pool`, `Client`, `ProxyAgent`, `RetryAgent`,
 * `MockAgent` or one with interceptors. A structural type, so that users do not need undici's types.
 */
export interface UndiciDispatcher {
  dispatch(options: { path: string; method: string }, handler: object): boolean;
  close(): Promise<void>;
  destroy(): Promise<void>;
}

/** The options of a dispatch. */
export interface DispatchOptions {
  origin: string;
  path: string;
  method: string;
  /** Alternating names and values. */
  headers: string[];
  body: Readable | null;
  upgrade: string | null;
  headersTimeout: number;
  bodyTimeout: number;
}

/**
 * Fields as dispatchers pass them: alternating names and values as received, or an object from interceptors or HTTP/2.
 */
export type RawFields =
  | readonly (Buffer | string | readonly (Buffer | string)[])[]
  | Readonly<Record<string, string | readonly string[] | undefined>>;

/** The controller that undici 7 and 8 pass to handlers. */
export interface DispatchController {
  rawHeaders?: RawFields | null;
  rawTrailers?: RawFields | null;
  pause(): void;
  resume(): void;
  abort(reason: Error): void;
}

/** The handler of undici 7 and 8. */
export interface DispatchHandler {
  onRequestStart(controller: DispatchController): void;
  onRequestUpgrade(controller: DispatchController, status: number, headers: RawFields, socket: Duplex): void;
  onResponseStart(
    controller: DispatchController,
    status: number,
    headers: RawFields,
    statusText?: string,
  ): void;
  onResponseData(controller: DispatchController, chunk: Buffer): void;
  onResponseEnd(controller: DispatchController, trailers: RawFields): void;
  onResponseError(controller: DispatchController | null, error: Error): void;
}

/** The handler of undici 6. Undici 7 supports it too, 8 does not. */
export interface LegacyDispatchHandler {
  onConnect(abort: (reason: Error) => void): void;
  onUpgrade(status: number, headers: RawFields, socket: Duplex): void;
  /** Returns whether to continue reading. `resume` continues later. */
  onHeaders(status: number, headers: RawFields, resume: () => void, statusText: string): boolean;
  onData(chunk: Buffer): boolean;
  onComplete(trailers: RawFields | null): void;
  onError(error: Error): void;
}
