import type { Duplex, Readable } from 'node:stream';

/**
 * What is used of a `Dispatcher` of undici 6, 7 or 8: an `Agent`, `Pool`, `Client`, `ProxyAgent`, `RetryAgent`,
 * `MockAgent` or one with interceptors. Said by its shape, so that undici's types are needed by nobody else.
 */
export interface UndiciDispatcher {
  dispatch(options: { path: string; method: string }, handler: object): boolean;
  close(): Promise<void>;
  destroy(): Promise<void>;
}

/** The options that we dispatch with. */
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
 * Fields as dispatchers hand them over: alternating names and values as they came, or an object where interceptors or
 * HTTP/2 have made one.
 */
export type RawFields =
  | readonly (Buffer | string | readonly (Buffer | string)[])[]
  | Readonly<Record<string, string | readonly string[] | undefined>>;

/** How undici 7 and 8 let a handler control a request. */
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

/** The handler of undici 6, which 7 knows as well and 8 does not. */
export interface LegacyDispatchHandler {
  onConnect(abort: (reason: Error) => void): void;
  onUpgrade(status: number, headers: RawFields, socket: Duplex): void;
  /** Returns whether to go on reading; `resume` does so later. */
  onHeaders(status: number, headers: RawFields, resume: () => void, statusText: string): boolean;
  onData(chunk: Buffer): boolean;
  onComplete(trailers: RawFields | null): void;
  onError(error: Error): void;
}
