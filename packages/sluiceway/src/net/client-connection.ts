/** The connection of a client's request: an HTTP/1 socket or an HTTP/2 session. */
export interface ClientConnection {
  readonly destroyed: boolean;
  once(event: 'close', listener: () => void): unknown;
}

const listeners = new WeakMap<ClientConnection, Set<() => void>>();

/**
 * Calls the listener when the connection closes. Returns a function that removes the listener. All listeners share a
 * single `close` listener of the connection, so that their number causes no warning.
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
