import type { DialListener, Dialling, DialOptions } from './dial-attempt.js';
import { dialDirectly } from './direct-dial.js';
import { dialThrough } from './tunnel-dial.js';

/** Connects to a destination, directly or through a proxy. */
export function dial(options: DialOptions, listener: DialListener): Dialling {
  return options.proxy === undefined
    ? dialDirectly(options, listener)
    : dialThrough(options.proxy, options, listener);
}
