/**
 * Bytes that Node has handed to the operating system and that are not taken yet. Not a public property; Node's own
 * socket timeout looks at it for the same reason. Null where it is missing.
 */
export function queuedBytes(socket: object | null): number | null {
  const { _handle: handle }: { _handle?: { writeQueueSize?: number } | null } = socket ?? {};
  return handle?.writeQueueSize ?? null;
}

/**
 * Whether TLS holds bytes that are not on their way: the write below it has failed, and nobody was told. Node's HTTP/2
 * waits for it then, and reads nothing meanwhile. Null where there is no TLS, and where Node's internals are others.
 */
export function isWriteLost(socket: object): boolean | null {
  const { _parent: tcp }: { _parent?: object | null } = socket;
  const [queued, underWay] = [queuedBytes(socket), queuedBytes(tcp ?? null)];
  return queued === null || underWay === null ? null : queued > 0 && underWay === 0;
}
