import type { ClientExchange } from '../../downstream/exchange.js';
import type { Digest } from '../../http/digest.js';
import type { ReadonlyFields } from '../../http/fields.js';
import type { DownstreamRequest } from '../messages/downstream-request.js';
import type { HandleContext } from '../messages/handle-context.js';
import type { Selection } from '../messages/selection.js';
import type { Transfer } from '../transfer/transfer.js';
import type { ContentStages } from './content-stages.js';
import type { ValidRequest } from './validate-request.js';

/** What one request carries through the data path. */
export interface RequestState {
  readonly transfer: Transfer;
  readonly client: ClientExchange;
  readonly context: HandleContext;
  /** Null until the request has been read. */
  downstream: DownstreamRequest | null;
  /** Null until the request has been admitted. */
  validated: ValidRequest | null;
  /** Where the request goes. Null until that is selected, and for a request that is answered. */
  selection: Selection | null;
  /**
   * What all content of the origin server is verified against: before there is a response what the application expects
   * of it, then what holds for this response. Null where nothing tells.
   */
  digest: Digest | null;
  /** What applies to the content of the response. */
  readonly stages: ContentStages;
  /** Fields of the upstream request before options and hooks have changed them; null where none could. */
  clientFields: ReadonlyFields | null;
}
