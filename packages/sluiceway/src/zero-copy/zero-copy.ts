import type { Socket } from 'node:net';
import type { Splice, SpliceGate, SpliceOffer } from '../stream/splice.js';
import { Unavailable } from './ffi.js';
import { PipePool } from './pipes.js';
import { findDescriptor, Poller } from './poller.js';
import { SpliceJob, type SpliceTarget, type SpliceTools } from './splice-job.js';
import { createSystem } from './system.js';

/** One for the process: it has one event loop, and one budget of pipes. */
let tools: SpliceTools | Unavailable | null = null;

/** Makes zero copy ready. Returns null where it is, else why it cannot be had. Costs nothing before its first call. */
export function prepareZeroCopy(): string | null {
  tools ??= createTools();
  return tools instanceof Unavailable ? tools.message : null;
}

/**
 * Has the kernel move the bytes that are offered to a plain socket to which nothing else is written meanwhile. Null where
 * one of the two is no such socket, or zero copy has not been made ready.
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
  if (to !== null) return new SpliceJob(tools, offer, target, gate, from, to);
  tools.poller.release(offer.source, from);
  return null;
}

function createTools(): SpliceTools | Unavailable {
  try {
    const system = createSystem();
    return { system, poller: new Poller(system), pipes: new PipePool(system) };
  } catch (error) {
    if (error instanceof Unavailable) return error;
    throw error;
  }
}

/** Whether bytes could be moved to or from a socket: it is open, plain and TCP. */
export const isSpliceable = (socket: Socket): boolean => findDescriptor(socket) !== null;
