import { SluicewayError } from '../errors.js';
import { DISCARD_LIMITS, discard } from '../stream/discard.js';
import { mayPass } from './resume/resume-policy.js';
import { retarget, type SendOptions, type Sent, type StartingPoint, send } from './send.js';
import type { Target } from './target.js';
import type { Transport, TransportRequest, TransportResponse } from './transport.js';

/** Statuses after which another server may still have the file. */
const UNFIT: ReadonlySet<number> = new Set([401, 403, 404, 408, 410, 425, 429]);

/** How a request is sent that several servers can answer. */
export interface SeveralOptions extends SendOptions {
  /** Called before each attempt. `hasOthers`: another one can follow if no response head arrives in time. */
  onTry(hasOthers: boolean): void;
  /** Whether the response is usable. If not, another server is tried. */
  isFit(response: TransportResponse): boolean;
}

interface AnySent {
  /** Where the redirects to `sent` began. */
  start: StartingPoint;
  sent: Sent;
  /** The other targets, in the order in which they can be tried: untried ones first. */
  others: Target[];
}

/**
 * Sends a request without content to several targets of the same file, one after the other, until one gives a usable
 * response. The response or failure of the last one is final.
 */
export async function sendToAny(
  transport: Transport,
  request: TransportRequest,
  targets: readonly Target[],
  options: SeveralOptions,
): Promise<AnySent> {
  const [first] = targets as [Target, ...Target[]];
  for (let index = 0; ; index += 1) {
    const target = targets[index] as Target;
    const hasOthers = index + 1 < targets.length;
    const start: StartingPoint = {
      target,
      request: index === 0 ? request : retarget(request, first, target, options.secretFields?.() ?? []),
    };
    options.onTry(hasOthers);
    try {
      const sent = await send(transport, start.request, target, options);
      const { response } = sent;
      const isUnfit = response.status >= 500 || UNFIT.has(response.status) || !options.isFit(response);
      if (!hasOthers || !isUnfit)
        return { start, sent, others: [...targets.slice(index + 1), ...targets.slice(0, index)] };
      discard(response.content, DISCARD_LIMITS);
    } catch (error) {
      if (!hasOthers || !(error instanceof SluicewayError) || !mayPass(error)) throw error;
    }
  }
}
