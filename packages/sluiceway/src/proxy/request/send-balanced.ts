import type { SluicewayError } from '../../errors.js';
import type { BalancedTransfer } from '../../upstream/group/balanced-transfer.js';
import { type GroupSteps, sendToGroup } from '../../upstream/group/send-to-group.js';
import type { Sent, StartingPoint } from '../../upstream/send.js';
import type { SeveralOptions } from '../../upstream/send-to-any.js';
import type { Target } from '../../upstream/target.js';
import type { Exchange, Transport } from '../../upstream/transport.js';
import type { Selection } from '../messages/selection.js';
import type { UpstreamRequestDraft } from '../messages/upstream-request.js';
import type { Transfer } from '../transfer/transfer.js';

/** The use of a group by a request. Null if there is none, or if a hook has chosen another target. */
export function balancedFor(
  selection: Selection | null,
  draft: UpstreamRequestDraft,
): BalancedTransfer | null {
  const balanced = selection?.balanced;
  if (balanced === undefined) return null;
  const { base, path } = draft.target;
  if (base !== balanced.base) {
    balanced.release();
    return null;
  }
  if (path !== balanced.target.path) balanced.changePath(path);
  return balanced;
}

/** Sends a request to the server of the group that was selected, and to others if it fails. */
export function sendBalanced(
  transfer: Transfer,
  transport: Transport,
  first: StartingPoint,
  balanced: BalancedTransfer,
  draft: UpstreamRequestDraft,
  options: SeveralOptions,
): Promise<{ start: StartingPoint; sent: Sent }> {
  return sendToGroup(transport, first, balanced, options, new Steps(transfer, draft));
}

/** A class, since closures for all of this would cost each request half a kilobyte. */
class Steps implements GroupSteps {
  readonly #transfer: Transfer;
  readonly #draft: UpstreamRequestDraft;
  readonly canMove: boolean;

  constructor(transfer: Transfer, draft: UpstreamRequestDraft) {
    this.#transfer = transfer;
    this.#draft = draft;
    // They name the server (RFC 4918 sections 10.3 and 10.4).
    this.canMove = !draft.headers.has('destination') && !draft.headers.has('if');
  }

  onMove(target: Target): void {
    moveTo(this.#draft, target);
  }

  onReplay(): void {
    this.#transfer.timeouts.requestWaitsFor('upstream');
  }

  onReplayed(isComplete: boolean): void {
    this.#transfer.timeouts.requestWaitsFor(isComplete ? 'upstream' : 'client');
  }

  onCurrent(exchange: Exchange, target: Target): void {
    this.#transfer.goesOnWith(exchange, target);
  }

  onAborted(listener: (error: SluicewayError) => void): void {
    this.#transfer.onAborted(listener);
  }

  sleep(ms: number): Promise<void> {
    return pause(this.#transfer, ms);
  }
}

/** The draft goes to another server. The fields of the request that is sent are changed where it is sent. */
function moveTo(draft: UpstreamRequestDraft, target: Target): void {
  const host = draft.headers.get('host');
  draft.setExactTarget(target, [], target.base);
  if (host !== undefined) draft.headers.set('Host', host);
}

/** Rejects if the transfer is aborted meanwhile. */
function pause(transfer: Transfer, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    transfer.onAborted((error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
}
