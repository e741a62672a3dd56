/**
 * Bytes that Node has handed to the operating system and that are not taken yet. Not a public property; Node's own
 * socket timeout looks at it for the same reason. Null where it is missing.
 */
export function queuedBytes(socket: object | null): number | null {
  const { _handle: handle }: { _handle?: { writeQueueSize?: number } | null } = socket ?? {};
  return handle?.writeQueueSize ?? null;
}
