/**
 * Returns the bytes that Node has handed to the operating system and that are not yet accepted. Not a public property;
 * Node's own socket timeout reads it for the same purpose. Null if it is missing.
 */
export function queuedBytes(socket: object | null): number | null {
  const { _handle: handle }: { _handle?: { writeQueueSize?: number } | null } = socket ?? {};
  return handle?.writeQueueSize ?? null;
}

/**
 * Reports whether TLS holds bytes that will never be sent: the write below it failed without an error being reported.
 * Node's HTTP/2 then waits for it and reads nothing meanwhile. Null without TLS, and if Node's internals differ.
 */
export function isWriteLost(socket: object): boolean | null {
  const { _parent: tcp }: { _parent?: object | null } = socket;
  const [queued, underWay] = [queuedBytes(socket), queuedBytes(tcp ?? null)];
  return queued === null || underWay === null ? null : queued > 0 && underWay === 0;
}
