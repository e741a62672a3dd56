import type { Socket } from 'node:net';
import type { Splice, SpliceGate, SpliceOffer } from '../stream/splice.js';
import { Unavailable } from './ffi.js';
import { MemoryTrim } from './memory-trim.js';
import { PipePool } from './pipes.js';
import { findDescriptor, Poller } from './poller.js';
import { SpliceJob, type SpliceTarget, type SpliceTools } from './splice-job.js';
import { createSystem } from './system.js';

/** Shared by the whole process, which has one event loop and one budget of pipes. */
let tools: (SpliceTools & { trim: MemoryTrim }) | Unavailable | null = null;

/** Prepares zero copy. Returns null on success, otherwise why it is not available. Costs nothing before its first call. */
export function prepareZeroCopy(): string | null {
  tools ??= createTools();
  return tools instanceof Unavailable ? tools.message : null;
}

/** Whether any proxy of the process uses zero copy. */
export const isZeroCopyPrepared = (): boolean => tools !== null && !(tools instanceof Unavailable);

/**
 * Lets the kernel move the offered bytes to a plain TCP socket. Nothing else must be written to it meanwhile. Null if one
 * of the two is not such a socket, or if zero copy is not prepared.
 */
export function beginSplice(
  offer: SpliceOffer,
  target: SpliceTarget,
  gate: SpliceGate | null = null,
): Splice | null {
  if (tools === null || tools instanceof Unavailable) return null;
  const from = tools.poller.acquire(offer.source);
  if (from === null) return null;
  const to = tools.poller.acquire(target.socket);
  if (to !== null) {
    tools.trim.begin();
    return new SpliceJob(tools, offer, target, gate, from, to);
  }
  tools.poller.release(offer.source, from);
  return null;
}

function createTools(): Exclude<typeof tools, null> {
  try {
    const system = createSystem();
    const poller = new Poller(system);
    const trim = new MemoryTrim(system, () => poller.size);
    return { system, poller, pipes: new PipePool(system), trim };
  } catch (error) {
    if (error instanceof Unavailable) return error;
    throw error;
  }
}

/** Whether bytes can be moved to or from a socket: it must be an open, plain TCP socket. */
export const isSpliceable = (socket: Socket): boolean => findDescriptor(socket) !== null;
