import { SluicewayError } from '../errors.js';
import type { TimeoutSettings } from './timeout-settings.js';

/**
 * The side that one direction of a transfer waits for. `head`: the origin server, which has the whole request, has to
 * send a head. `either`: a tunnel, in which both sides may be silent. `limit`: a rate limit holds content back, so that no
 * side is awaited.
 */
export type WaitsFor = 'nobody' | 'client' | 'upstream' | 'head' | 'either' | 'limit';

/** How long that may take, in milliseconds. 0: no limit. */
export function idleLimitMs(whom: WaitsFor, settings: TimeoutSettings): number {
  switch (whom) {
    case 'client':
      return settings.clientIdleMs;
    case 'upstream':
      return settings.upstreamIdleMs;
    case 'head':
      return settings.responseHeadMs;
    case 'either':
      return settings.tunnelIdleMs;
    case 'nobody':
    case 'limit':
      return 0;
  }
}

/** The error of a transfer that has waited too long. `request`: the side that its request waits for. */
export function idleError(whom: WaitsFor, request: WaitsFor, how: string): SluicewayError {
  if (whom === 'head') return new SluicewayError('http_response_timeout', `No response head ${how}`);
  if (whom === 'either') {
    return new SluicewayError('connection_read_timeout', `No byte passed through the tunnel ${how}`, {
      outcome: 'completed',
    });
  }
  if (whom === 'client')
    return new SluicewayError('client_stalled', `The client neither sent nor read ${how}`);
  if (request === 'upstream') {
    return new SluicewayError('connection_write_timeout', `The origin server took no request content ${how}`);
  }
  return new SluicewayError('connection_read_timeout', `The origin server sent no content ${how}`);
}
