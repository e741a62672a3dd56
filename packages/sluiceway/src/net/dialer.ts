import type { DialListener, Dialling, DialOptions } from './dial-attempt.js';
import { dialDirectly } from './direct-dial.js';
import { dialWithPrelude } from './prelude-dial.js';
import { dialThrough } from './tunnel-dial.js';

/** Connects to a destination, directly or through a proxy. */
export function dial(options: DialOptions, listener: DialListener): Dialling {
  if (options.proxy !== undefined) return dialThrough(options.proxy, options, listener);
  if (options.prelude !== undefined) return dialWithPrelude(options.prelude, options, listener);
  return dialDirectly(options, listener);
}
