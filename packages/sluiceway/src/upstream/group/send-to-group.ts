import { SluicewayError, toSluicewayError } from '../../errors.js';
import { parseRetryAfter } from '../../http/retry-after.js';
import { DISCARD_LIMITS, discard } from '../../stream/discard.js';
import { isIdempotent } from '../request-rules.js';
import { type SendOptions, type Sent, type StartingPoint, send } from '../send.js';
import type { SeveralOptions } from '../send-to-any.js';
import type { Target } from '../target.js';
import type { Exchange, Transport, TransportRequest } from '../transport.js';
import type { BalancedTransfer } from './balanced-transfer.js';
import { ReplayableContent, type ReplayListener } from './replayable-content.js';
import { backoffMs, isUnsent, mayRetry } from './retry-policy.js';

export interface GroupSendOptions extends SeveralOptions, ReplayListener {
  /** Whether another server can get the request. If not, there is one attempt. */
  canMove: boolean;
  /** Called with the next target before the request is sent to it. */
  onMove(target: Target): void;
  /** Waits. Rejects if the transfer is aborted meanwhile. */
  sleep(ms: number): Promise<void>;
}

interface GroupSent {
  /** Where the redirects to `sent` began. */
  start: StartingPoint;
  sent: Sent;
}

/** The longest time that a server can ask for with `Retry-After` before the same request is sent to it again. */
const MAX_RETRY_AFTER_MS = 5000;

/**
 * Sends a request to a server of a group, and to another one if that fails and a repetition is safe. The response or
 * failure of the last attempt is final. `transport` is the transfer's own: `BalancedTransfer.measure`.
 */
export async function sendToGroup(
  transport: Transport,
  first: StartingPoint,
  balanced: BalancedTransfer,
  options: GroupSendOptions,
): Promise<GroupSent> {
  const { retry } = balanced.group;
  const { content, method } = first.request;
  const replayed = content && new ReplayableContent(content.source, retry.maxContent, options);
  const isSafe = isIdempotent(method);
  let place = first;
  let rounds = 0;
  const retrying: { end: (() => void) | null } = { end: null };
  /** Whether the limits of the group allow a retry. `wasUnsent`: no server has got the request. */
  const isAllowed = (wasUnsent: boolean): boolean => {
    // A request that no server has got does not add to the load of an outage.
    if (!(wasUnsent ? balanced.group.isClosed : balanced.group.takeRetry())) return false;
    retrying.end ??= balanced.group.beginRetries();
    return retrying.end !== null;
  };
  /** Those of the current attempt: one, and one for each redirect. */
  const exchanges: Exchange[] = [];
  const sending: SendOptions = {
    ...options,
    onAttempt: (each, target) => {
      exchanges.push(each);
      options.onAttempt(each, target);
    },
  };
  try {
    for (let retries = 0; ; retries += 1) {
      const canRetry = options.canMove && retries < retry.max;
      options.onTry(canRetry && isSafe);
      const request: TransportRequest =
        content === null || replayed === null
          ? place.request
          : { ...place.request, content: { ...content, source: replayed.attempt() } };
      let afterMs = 0;
      exchanges.length = 0;
      try {
        const start = { target: place.target, request: place.request };
        const sent = await send(transport, request, place.target, sending);
        const { response } = sent;
        const isKept = replayed?.isKept ?? true;
        const isRefused = retry.statuses.has(response.status) || !options.isFit(response);
        if (!isRefused || !canRetry || !isSafe || !isKept || !isAllowed(false)) {
          balanced.settle();
          return { start, sent };
        }
        afterMs = parseRetryAfter(response.headers.get('retry-after')) ?? 0;
        discard(response.content, DISCARD_LIMITS);
        balanced.release();
      } catch (thrown) {
        const error = toSluicewayError(thrown);
        const attempt = {
          method,
          isContentKept: replayed?.isKept ?? true,
          isResolved: place.target.base.address !== undefined,
          wasConnected: (exchanges.at(-1)?.remoteAddress?.() ?? null) !== null,
        };
        balanced.release();
        if (!canRetry || !mayRetry(error, attempt) || !isAllowed(isUnsent(error, attempt))) throw error;
      }
      if (!balanced.moveOn()) {
        rounds += 1;
        await options.sleep(Math.max(backoffMs(rounds), Math.min(afterMs, MAX_RETRY_AFTER_MS)));
        if (!balanced.startOver()) throw noServer();
      }
      place = aimAt(first, balanced.target);
      options.onMove(place.target);
    }
  } finally {
    retrying.end?.();
    replayed?.settle();
  }
}

/** The same request at another server of the group, which gets the same credentials. */
export function aimAt({ target: from, request }: StartingPoint, to: Target): StartingPoint {
  const headers = request.headers.clone();
  // A Host that options or a hook have set stays.
  if (headers.get('host') === from.base.host) headers.set('Host', to.base.host);
  return { target: to, request: { ...request, destination: to.base, path: to.path, headers } };
}

const noServer = (): SluicewayError =>
  new SluicewayError('destination_unavailable', 'No server of the group is available');
