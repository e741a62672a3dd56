import type { Duplex } from 'node:stream';
import type { ClientExchange } from '../../downstream/exchange.js';
import type { Digest } from '../../http/digest.js';
import type { ReadonlyFields } from '../../http/fields.js';
import type { SidecarResult } from '../../sidecar/sidecar-reader.js';
import type { MeteredSource } from '../../stream/metered-source.js';
import type { DownstreamRequest } from '../messages/downstream-request.js';
import type { HandleContext } from '../messages/handle-context.js';
import type { Selection } from '../messages/selection.js';
import type { TransferTrace } from '../transfer/tracing.js';
import type { Transfer } from '../transfer/transfer.js';
import { type ContentStages, noStages } from './content-stages.js';
import type { ValidRequest } from './validate-request.js';

/** What one request carries through the data path. */
export interface RequestState {
  readonly transfer: Transfer;
  readonly client: ClientExchange;
  readonly context: HandleContext;
  /** Null until the request has been read. */
  downstream: DownstreamRequest | null;
  /** Null until the request has been read, and without tracing. */
  trace: TransferTrace | null;
  /** Null until the request has been validated. */
  validated: ValidRequest | null;
  /** Where the request goes. Null until it is selected, and for a request that the proxy answers itself. */
  selection: Selection | null;
  /**
   * The digest that all content of the origin server is verified against: until there is a response the one that the
   * application expects, then the one that applies to this response. Null if there is none.
   */
  digest: Digest | null;
  /** What the checksum file of the requested file says. Null if none was read. */
  sidecar: SidecarResult | null;
  /** Streams that the content of the request passes through; null if it passes none. */
  transform: { streams: readonly [Duplex, ...Duplex[]]; changes: boolean } | null;
  /** The client's content on its way to the origin server; null if none is sent. */
  received: MeteredSource | null;
  /** What applies to the content of the response. */
  readonly stages: ContentStages;
  /** Fields of the upstream request before options and hooks change them; null if nothing can change them. */
  clientFields: ReadonlyFields | null;
}

/** The state of a request that has not been read. */
export const newRequestState = (
  transfer: Transfer,
  client: ClientExchange,
  context: HandleContext,
): RequestState => ({
  transfer,
  client,
  context,
  downstream: null,
  trace: null,
  validated: null,
  selection: null,
  digest: null,
  sidecar: null,
  transform: null,
  received: null,
  stages: noStages(),
  clientFields: null,
});
