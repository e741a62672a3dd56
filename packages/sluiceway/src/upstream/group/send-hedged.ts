import { SluicewayError, toSluicewayError } from '../../errors.js';
import { DISCARD_LIMITS, discard } from '../../stream/discard.js';
import { type SendOptions, type Sent, type StartingPoint, send } from '../send.js';
import type { Target } from '../target.js';
import type { Exchange, Transport, TransportRequest, TransportResponse } from '../transport.js';

/** Checked values of `hedge`. */
export interface HedgeSettings {
  /** As in `HedgeTimes`. */
  connectMs: number | null;
  /** Milliseconds, or the 95th percentile of the times to response heads. Null: never. */
  head: number | 'p95' | null;
}

/** When a second server is asked. */
export interface HedgeTimes {
  /** After this time without a connection. Null: never. */
  connectMs: number | null;
  /** After this time without a response head. Null: never. */
  headMs: number | null;
}

/** What a hedged request needs of its group. */
export interface HedgeSteps {
  /** Chooses another server and returns where to send the request. Null if there is none, or no budget. */
  another(): StartingPoint | null;
  /** Whether a response is not good enough as long as another one can come. */
  isRefused(response: TransportResponse): boolean;
  /** Of two exchanges, this one alone goes on. */
  onCurrent(exchange: Exchange, target: Target): void;
  /** Calls the listener if the transfer is aborted. */
  onAborted(listener: (error: SluicewayError) => void): void;
  /** All requests have failed, this one last. */
  onFailed(attempt: Attempt): void;
}

/** The answered request, where it was sent, and its exchanges. */
export interface HedgedSent {
  place: StartingPoint;
  sent: Sent;
  /** Whether two servers were asked. */
  isHedged: boolean;
}

/** One request to a server of a group. */
export class Attempt {
  readonly place: StartingPoint;
  /** The current one: each redirect has its own. */
  exchange: Exchange | null = null;
  readonly beganAt = performance.now();
  /** Whether its interim responses belong to the final one. */
  isAlone = true;
  /** The request has been handed to the operating system: there is a connection. */
  isSent = false;
  isOver = false;
  sent: Sent | null = null;
  #onSent: (() => void) | null = null;

  constructor(place: StartingPoint) {
    this.place = place;
  }

  /** Sends the request. `connectTimeoutMs`: the time to connect; null if it is that of any request. */
  send(transport: Transport, options: SendOptions, connectTimeoutMs: number | null = null): Promise<Sent> {
    const { target, request } = this.place;
    // Functions that are assigned to a copy would keep nearly all requests alive until the next major collection.
    const sending: TransportRequest = {
      ...request,
      onInterim: (head) => {
        if (this.isAlone) request.onInterim(head);
      },
      onRequestSent: () => {
        this.isSent = true;
        request.onRequestSent();
        this.#onSent?.();
      },
    };
    if (connectTimeoutMs !== null) sending.connectTimeoutMs = connectTimeoutMs;
    return send(transport, sending, target, {
      ...options,
      onAttempt: (exchange, asked) => {
        this.exchange = exchange;
        options.onAttempt(exchange, asked);
      },
    });
  }

  onSent(listener: () => void): void {
    this.#onSent = listener;
  }

  abort(error: SluicewayError): void {
    if (!this.isOver) this.exchange?.abort(error);
  }
}

/**
 * Sends a request that is safe to repeat to a second server if the first one, which it was sent to in this turn of the event
 * loop, has not connected or not answered in time. The first usable response head wins; the other request is cancelled.
 * Rejects with the last failure if both fail.
 */
export function sendHedged(
  transport: Transport,
  first: Attempt,
  sending: Promise<Sent>,
  options: SendOptions,
  { connectMs, headMs }: HedgeTimes,
  steps: HedgeSteps,
): Promise<HedgedSent> {
  return new Promise((resolve, reject) => {
    const attempts = [first];
    const timers: NodeJS.Timeout[] = [];
    let isOver = false;

    const finish = (): void => {
      isOver = true;
      for (const timer of timers) clearTimeout(timer);
    };
    const goOn = ({ exchange, place }: Attempt): void => {
      if (exchange !== null) steps.onCurrent(exchange, place.target);
    };
    const win = (winner: Attempt, sent: Sent): void => {
      finish();
      for (const attempt of attempts) {
        if (attempt === winner) continue;
        // A server that could not be connected to while another could has failed.
        const isStuck = attempt.exchange?.isConnecting === true && isLate(attempt);
        attempt.abort(isStuck ? tooSlow() : unwanted());
        if (attempt.sent !== null) discard(attempt.sent.response.content, DISCARD_LIMITS);
      }
      const isHedged = attempts.length > 1;
      if (isHedged) goOn(winner);
      resolve({ place: winner.place, sent, isHedged });
    };
    const isLate = (attempt: Attempt): boolean =>
      connectMs !== null && performance.now() - attempt.beganAt >= connectMs;

    const answered = (attempt: Attempt, sent: Sent): void => {
      attempt.isOver = true;
      if (isOver) {
        discard(sent.response.content, DISCARD_LIMITS);
        return;
      }
      attempt.sent = sent;
      const isLast = attempts.every((each) => each.isOver);
      if (isLast || !steps.isRefused(sent.response)) win(attempt, sent);
    };
    const failed = (attempt: Attempt, thrown: unknown): void => {
      attempt.isOver = true;
      if (isOver) return;
      const error = toSluicewayError(thrown);
      const running = attempts.find((each) => !each.isOver);
      if (running !== undefined) {
        // The time for the head is over for both.
        if (error.code === 'http_response_timeout') running.abort(error);
        else goOn(running);
        return;
      }
      const refused = attempts.find(({ sent }) => sent !== null);
      if (refused?.sent) {
        win(refused, refused.sent);
        return;
      }
      finish();
      steps.onFailed(attempt);
      reject(error);
    };

    const watch = (attempt: Attempt, running: Promise<Sent>): void => {
      running.then(
        (sent) => answered(attempt, sent),
        (error: unknown) => failed(attempt, error),
      );
    };
    /** Another one that has no connection yet is not needed, unless this server is slow to answer. */
    const onSent = (attempt: Attempt): void => {
      if (headMs !== null || isOver) return;
      for (const other of attempts)
        if (other !== attempt && !other.isSent && other.exchange?.isConnecting === true)
          other.abort(isLate(other) ? tooSlow() : unwanted());
    };
    const hedge = (isConnecting: boolean): void => {
      const [only] = attempts;
      if (isOver || attempts.length !== 1 || only === undefined) return;
      if (isConnecting && only.isSent) return;
      let place: StartingPoint | null;
      try {
        place = steps.another();
      } catch {
        // A function of the application that chooses has failed. The first request goes on.
        return;
      }
      if (place === null) return;
      const second = new Attempt(place);
      attempts.push(second);
      // Of two requests it is not known yet whose interim responses belong to the final one.
      for (const attempt of attempts) attempt.isAlone = false;
      second.onSent(() => onSent(second));
      watch(second, second.send(transport, options));
      steps.onAborted((error) => {
        if (isOver) return;
        for (const attempt of attempts) attempt.abort(error);
      });
    };

    first.onSent(() => onSent(first));
    watch(first, sending);
    if (connectMs !== null && !first.isSent) timers.push(setTimeout(hedge, connectMs, true));
    if (headMs !== null) timers.push(setTimeout(hedge, headMs, false));
  });
}

const unwanted = (): SluicewayError =>
  new SluicewayError('connection_terminated', 'Another server has answered');

const tooSlow = (): SluicewayError =>
  new SluicewayError('connection_timeout', 'Another server was connected to meanwhile', { retryable: true });
