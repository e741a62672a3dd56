import { SluicewayError, toSluicewayError } from '../../errors.js';
import { parseRetryAfter } from '../../http/retry-after.js';
import { DISCARD_LIMITS, discard } from '../../stream/discard.js';
import { isIdempotent } from '../request-rules.js';
import { type Sent, type StartingPoint, send } from '../send.js';
import type { SeveralOptions } from '../send-to-any.js';
import type { Target } from '../target.js';
import type { Exchange, Transport, TransportResponse } from '../transport.js';
import type { BalancedTransfer } from './balanced-transfer.js';
import { ReplayableContent, type ReplayListener } from './replayable-content.js';
import { backoffMs, isUnsent, mayRetry } from './retry-policy.js';
import { Attempt, type HedgeTimes, sendHedged } from './send-hedged.js';

/** What the transfer has to do with the attempts. */
export interface GroupSteps extends ReplayListener {
  /** Whether another server can get the request. If not, there is one attempt. */
  canMove: boolean;
  /** Called with the next target before the request is sent to it. */
  onMove(target: Target): void;
  /** Of two exchanges, this one alone goes on. */
  onCurrent(exchange: Exchange, target: Target): void;
  /** Calls the listener if the transfer is aborted. */
  onAborted(listener: (error: SluicewayError) => void): void;
  /** Waits. Rejects if the transfer is aborted meanwhile. */
  sleep(ms: number): Promise<void>;
}

interface GroupSent {
  /** Where the redirects to `sent` began. */
  start: StartingPoint;
  sent: Sent;
}

/** Methods without effect, whose requests can be sent to two servers at the same time. */
const HEDGED: ReadonlySet<string> = new Set(['GET', 'HEAD']);

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
  options: SeveralOptions,
  steps: GroupSteps,
): Promise<GroupSent> {
  const { retry, connectTimeoutMs } = balanced.group;
  const { content, method } = first.request;
  const replayed = content && new ReplayableContent(content.source, retry.maxContent, steps);
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
  const isRefused = (response: TransportResponse): boolean =>
    retry.statuses.has(response.status) || !options.isFit(response);
  const canHedge = content === null && first.request.upgrade === null && HEDGED.has(method);
  /** The current attempt, with its current exchange: each redirect has its own. */
  let current: { exchange: Exchange | null } = { exchange: null };
  /** Sends the request to a second server if the first one is late. Afterwards `place` is that of the response. */
  const hedge = async (attempt: Attempt, running: Promise<Sent>, times: HedgeTimes): Promise<Sent> => {
    const won = await sendHedged(transport, attempt, running, options, times, {
      another: () => {
        // Also without a connection: if connecting takes long because of load, this must not double the load.
        if (!isAllowed(false)) return null;
        const other = balanced.hedge();
        return other === null ? null : aimAt(first, other);
      },
      isRefused,
      onCurrent: (exchange, target) => steps.onCurrent(exchange, target),
      onAborted: (listener) => steps.onAborted(listener),
      onFailed: (failed) => {
        current = failed;
      },
    });
    if (won.place !== place) {
      place = won.place;
      steps.onMove(place.target);
    }
    if (won.isHedged) balanced.won(won.place.target);
    return won.sent;
  };
  try {
    for (let retries = 0; ; retries += 1) {
      const canRetry = steps.canMove && retries < retry.max;
      options.onTry(canRetry && isSafe);
      const times = canRetry && canHedge ? balanced.group.hedgeTimes() : null;
      let afterMs = 0;
      const connectMs = canRetry ? connectTimeoutMs : null;
      try {
        let sent: Sent;
        if (times === null) {
          const request = { ...place.request };
          if (content !== null && replayed !== null)
            request.content = { ...content, source: replayed.attempt() };
          if (connectMs !== null) request.connectTimeoutMs = connectMs;
          const one: typeof current = { exchange: null };
          current = one;
          sent = await send(transport, request, place.target, {
            ...options,
            onAttempt: (exchange, target) => {
              one.exchange = exchange;
              options.onAttempt(exchange, target);
            },
          });
        } else {
          const attempt = new Attempt(place);
          current = attempt;
          const running = attempt.send(transport, options, connectMs);
          // A connection that was open has taken the request: only the head can be late.
          const isSettled = times.headMs === null && attempt.isSent;
          sent = isSettled ? await running : await hedge(attempt, running, times);
        }
        const start = { target: place.target, request: place.request };
        const { response } = sent;
        const isKept = replayed?.isKept ?? true;
        if (!isRefused(response) || !canRetry || !isSafe || !isKept || !isAllowed(false)) {
          balanced.settle();
          return { start, sent };
        }
        afterMs = parseRetryAfter(response.headers.get('retry-after')) ?? 0;
        discard(response.content, DISCARD_LIMITS);
        balanced.release();
      } catch (thrown) {
        const error = toSluicewayError(thrown);
        const failed = {
          method,
          isContentKept: replayed?.isKept ?? true,
          isResolved: place.target.base.address !== undefined,
          wasConnected: (current.exchange?.remoteAddress?.() ?? null) !== null,
        };
        balanced.release();
        if (!canRetry || !mayRetry(error, failed) || !isAllowed(isUnsent(error, failed))) throw error;
      }
      if (!balanced.moveOn()) {
        rounds += 1;
        await steps.sleep(Math.max(backoffMs(rounds), Math.min(afterMs, MAX_RETRY_AFTER_MS)));
        if (!(await balanced.startOver())) throw noServer();
      }
      place = aimAt(first, balanced.target);
      steps.onMove(place.target);
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
