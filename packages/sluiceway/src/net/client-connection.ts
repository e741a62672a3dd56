/** The connection that a client's request came on: a socket of HTTP/1, a session of HTTP/2. */
export interface ClientConnection {
  readonly destroyed: boolean;
  once(event: 'close', listener: () => void): unknown;
}

const listeners = new WeakMap<ClientConnection, Set<() => void>>();

/**
 * Calls the listener when the connection closes. Returns how to take the listener back. A connection gets one `close`
 * listener for all of them, so that their number causes no warning.
 */
export function onceClosed(connection: ClientConnection, listener: () => void): () => void {
  const found = listeners.get(connection);
  const all = found ?? new Set();
  all.add(listener);
  if (found === undefined) {
    listeners.set(connection, all);
    connection.once('close', () => {
      listeners.delete(connection);
      for (const each of all) each();
    });
  }
  return () => void all.delete(listener);
}
