import type { ConnectionError } from 'sluiceway';

/** A connection that failed before it became a transfer. */
export interface ConnectionFailure {
  /**
   * What failed: accepting it (`accept`), the PROXY protocol (`proxy_protocol`), or what `ConnectionError` of the library
   * has.
   */
  kind: ConnectionError['kind'] | 'accept' | 'proxy_protocol';
  message: string;
  /** Node's code; empty if there is none. */
  code: string;
  /** Null if it is not known, or on a Unix socket. */
  clientAddress: string | null;
}

export type OnConnectionFailure = (failure: ConnectionFailure) => void;

export const acceptFailure = ({ message, code = '' }: NodeJS.ErrnoException): ConnectionFailure => ({
  kind: 'accept',
  message,
  code,
  clientAddress: null,
});
