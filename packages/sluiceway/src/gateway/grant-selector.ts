import { DEFAULT_METHODS } from '../access/link-conditions.js';
import { isInstance, type Outcome, SluicewayError } from '../errors.js';
import { type Digest, parseDigest } from '../http/digest.js';
import { parseSidecar, type SidecarLocation } from '../http/sidecar.js';
import { STAGES } from '../limits/keys.js';
import type { Limits } from '../limits/limits.js';
import { clientKey } from '../net/client-key.js';
import type { DownstreamRequest } from '../proxy/messages/downstream-request.js';
import { runHook } from '../proxy/messages/hooks.js';
import type { Answer, DownstreamResponseDraft } from '../proxy/messages/responses.js';
import type { ContentLimits, SelectingTransfer, Selection, Selector } from '../proxy/messages/selection.js';
import { type Target, toTarget } from '../upstream/target.js';
import type { TransportResponse } from '../upstream/transport.js';
import { Continuations, isContinuation } from './continuations.js';
import { toSafeFileName } from './file-name.js';
import { rulesOfTransfers } from './gateway-rules.js';
import type { Grant } from './grant.js';
import { removeIgnored } from './ignored-parameters.js';
import { type LinkUseStore, LinkUses, type PendingUse } from './link-uses.js';
import type { GatewayDecision, GatewaySettings } from './options.js';
import { applyResponseRules, isSuccessful, isWholeRange, readTotalLength } from './response-rules.js';
import { Revocations } from './revocations.js';
import { SharedLinkUses } from './shared-link-uses.js';
import { readUnsignedQuery } from './unsigned-query.js';

/** Decides what the link of each request permits, whether a download can start, and where it goes. */
export class GrantSelector implements Selector {
  readonly #settings: GatewaySettings;
  readonly #limits: Limits;
  readonly #uses: LinkUseStore;
  /** The uses that this process knows of. */
  readonly #ownUses: LinkUses;
  readonly #continuations: Continuations;
  readonly revocations: Revocations = new Revocations();
  readonly #stopWatching: () => void;

  /** `limits` have the rules of the gateway. */
  constructor(settings: GatewaySettings, limits: Limits) {
    this.#settings = settings;
    this.#limits = limits;
    this.#continuations = new Continuations(settings.maxTransfers, settings.maxTransfersPerClient);
    const { store, singleUseWindowMs } = settings;
    const uses = new LinkUses(singleUseWindowMs);
    this.#ownUses = uses;
    this.#uses = store === null ? uses : new SharedLinkUses(uses, store.links, singleUseWindowMs);
    this.#stopWatching = store === null ? () => {} : this.revocations.watch(store);
  }

  async select(request: DownstreamRequest, transfer: SelectingTransfer): Promise<Answer | Selection> {
    const { grant, id } = this.#readGrant(request);
    const { store } = this.#settings;
    if (store === null) this.revocations.check(id);
    else await this.revocations.checkIn(store, id);
    if (grant.singleUse && isPrefetch(request)) throw notForPrefetch();
    const answer = await this.#decide(grant, request, transfer);
    if (answer !== null) return answer;
    const target = toTarget(grant.url);
    const client = clientKey(request.forwarded.for);
    const forget = this.revocations.begin(id, {
      end: (error) => transfer.abortWith(error),
      expires: grant.expires * 1000,
    });
    let release: (() => void) | null = null;
    const leave = (outcome?: Outcome): void => {
      forget();
      if (outcome !== undefined) this.#continuations.ended(client, id, outcome);
      release?.();
      release = null;
    };
    try {
      transfer.limitTarget = {
        link: id === '' ? null : id,
        linkRate: grant.rate,
        upstream: target.base.host,
      };
      try {
        await this.#limits.admit(transfer, request, STAGES.link);
      } catch (error) {
        release = this.#continue(client, id, request, error);
        await this.#limits.admit(transfer, request, STAGES.link, rulesOfTransfers);
      }
      const use = await this.#uses.begin(id, client === '' ? null : client, grant);
      return new GrantSelection(this.#settings, { grant, id }, target, use, leave, request.method);
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Takes a place beyond the limits for a client that continues a broken download. Throws the error for any other. */
  #continue(client: string, id: string, request: DownstreamRequest, error: unknown): () => void {
    const isFull = isInstance(error, SluicewayError) && error.code === 'transfer_limit_reached';
    const release = isFull && isContinuation(request.headers) ? this.#continuations.enter(client, id) : null;
    if (release === null) throw error;
    return release;
  }

  /** Takes over revoked links and the uses of links. */
  inherit(previous: GrantSelector): void {
    this.revocations.inherit(previous.revocations);
    this.#ownUses.inherit(previous.#ownUses);
  }

  /** The gateway serves no more. */
  close(): void {
    this.#stopWatching();
  }

  /** The last segment of a link's path is the name of the file. */
  readonly hidePath = (path: string): string => {
    const start = path.indexOf(`${this.#settings.path}/`);
    return start < 0 ? path : `${path.slice(0, start)}${this.#settings.path}/…`;
  };

  /** Returns the application's own answer, or null to relay the file. Stops waiting if the client disconnects. */
  #decide(grant: Grant, request: DownstreamRequest, transfer: SelectingTransfer): Promise<Answer | null> {
    const { decide } = this.#settings;
    if (decide === undefined) return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      const { signal } = transfer;
      signal.addEventListener('abort', () => reject(signal.reason as SluicewayError));
      runHook(async () => toAnswer(await decide({ grant, request })), null).then(
        (answer) => resolve(answer ?? null),
        reject,
      );
    });
  }

  /** Reads what the request's URL permits, before any other work. */
  #readGrant(request: DownstreamRequest): { grant: Grant; id: string } {
    const { links, path, unsigned } = this.#settings;
    if (!isAt(path, request.path) && !isAt(path, request.mountPath + request.path)) throw notFound();
    const query = removeIgnored(request.query ?? '', this.#settings.ignores);
    if (unsigned && /(?:^|&)url=/.test(query) && !/&signature=/.test(query)) {
      if (!DEFAULT_METHODS.includes(request.method)) throw methodNotAllowed();
      return readUnsignedQuery(query);
    }
    if (links === null) throw notFound();
    return links.verify(`${request.path}?${query}`, {
      method: request.method,
      clientAddress: request.forwarded.for,
    });
  }
}

/** The selection for one request with a grant. */
class GrantSelection implements Selection {
  readonly target: Target;
  readonly joinedTo = null;
  readonly headers: Readonly<Record<string, string>>;
  readonly mirrors: readonly Target[];
  readonly digest: Digest | null;
  readonly digestSidecar: SidecarLocation | null;
  readonly size: number | null;
  readonly acceptEncoding: Grant['acceptEncoding'];
  readonly link: string | null;
  readonly #settings: GatewaySettings;
  readonly #grant: Grant;
  readonly #use: PendingUse;
  readonly #leave: (outcome: Outcome) => void;
  readonly #method: string;
  /** Length of the file in bytes. Null if unknown. */
  #total: number | null = null;
  /** Whether the response contains the whole file. */
  #isWhole = false;

  constructor(
    settings: GatewaySettings,
    { grant, id }: { grant: Grant; id: string },
    target: Target,
    use: PendingUse,
    leave: (outcome: Outcome) => void,
    method: string,
  ) {
    this.#settings = settings;
    // URLs without a signature have no id.
    this.link = id === '' ? null : id;
    this.#grant = grant;
    this.#use = use;
    this.#leave = leave;
    this.#method = method;
    this.target = target;
    this.headers = grant.headers;
    this.mirrors = grant.mirrors.map(toTarget);
    this.digest = grant.digest === null ? null : parseDigest(grant.digest);
    this.size = grant.size;
    this.acceptEncoding = grant.acceptEncoding;
    this.digestSidecar = grant.digestSidecar === null ? null : parseSidecar(grant.digestSidecar);
  }

  check(target: Target): SluicewayError | null {
    return this.#settings.guard.judge(target);
  }

  checkResponse(received: TransportResponse, draft: DownstreamResponseDraft): Answer | null {
    const { contentTypes, relaysErrorContent } = this.#settings;
    const { filename, disposition, contentType } = this.#grant;
    const answer = applyResponseRules(received, draft, {
      fileName: filename === null ? null : toSafeFileName(filename),
      disposition,
      contentType,
      maxBytes: this.#maxBytes,
      contentTypes,
      relaysErrorContent,
      isForOneClient: this.#grant.singleUse || this.#grant.clientIp !== null,
    });
    this.#total = readTotalLength(received);
    this.#isWhole = isSuccessful(received.status) && (received.status !== 206 || isWholeRange(received));
    return answer;
  }

  contentLimits(): ContentLimits {
    const maxBytes = this.#maxBytes;
    return {
      onContent: this.#grant.singleUse ? ({ length }) => this.#use.sends(length, this.#total) : null,
      maxBytes,
      toTooLongError: () =>
        new SluicewayError('http_response_body_size', `The file has more than ${maxBytes} bytes`),
    };
  }

  async end(outcome: Outcome): Promise<void> {
    try {
      if (outcome === 'completed' && this.#isWhole && this.#method !== 'HEAD') await this.#use.succeeded();
      await this.#use.end();
    } finally {
      this.#leave(outcome);
    }
  }

  get #maxBytes(): number | null {
    const { maxFileBytes } = this.#settings;
    const { maxBytes } = this.#grant;
    if (maxBytes === null || maxFileBytes === null) return maxBytes ?? maxFileBytes;
    return Math.min(maxBytes, maxFileBytes);
  }
}

/** Reports whether a path is the gateway's path or one segment below it. */
const isAt = (base: string, path: string): boolean =>
  path === base || (path.startsWith(`${base}/`) && !path.slice(base.length + 1).includes('/'));

/**
 * Returns null for `relay`. Throws if the decision is a refusal, or a `TypeError` if it is not a valid decision: in
 * doubt, nothing is relayed.
 */
function toAnswer(decision: GatewayDecision): Answer | null {
  if (decision === 'relay') return null;
  if ('redirect' in decision) {
    // Rejects `javascript:` and `data:`, which a browser could run under this origin.
    const { base, path } = toTarget(decision.redirect);
    return {
      status: 302,
      headers: {
        Location: `${base.protocol}//${base.host}${path}`,
        'Cache-Control': 'no-store',
        'Referrer-Policy': 'no-referrer',
      },
    };
  }
  const { status, reason } = decision.refuse;
  if (!REFUSALS.includes(status)) throw new TypeError(`decide must not refuse with ${String(status)}`);
  throw new SluicewayError('http_request_denied', reason, {
    status,
    publicMessage: 'The file is not available.',
  });
}

const REFUSALS: readonly number[] = [403, 404, 429, 503];

const notFound = (): SluicewayError =>
  new SluicewayError('http_request_denied', 'Nothing is served at this path', {
    status: 404,
    publicMessage: 'There is nothing at this path.',
  });

const methodNotAllowed = (): SluicewayError =>
  new SluicewayError('http_request_denied', 'Only GET and HEAD are served', {
    status: 405,
    publicMessage: 'The method is not allowed.',
    headers: { Allow: DEFAULT_METHODS.join(', ') },
  });

/**
 * Reports whether the browser prefetches, before the user has clicked. A prefetch must not consume a single-use link.
 */
const isPrefetch = ({ headers }: DownstreamRequest): boolean =>
  PURPOSES.flatMap((name) => headers.list(name)).some((purpose) =>
    /^(?:prefetch|prerender|preview)(?![\w-])/i.test(purpose),
  );

/** The first name is the standard one. Safari sends the last one for page previews. */
const PURPOSES = ['sec-purpose', 'purpose', 'x-moz', 'x-purpose'] as const;

const notForPrefetch = (): SluicewayError =>
  new SluicewayError('http_request_denied', 'A single-use link does not permit prefetching', {
    status: 503,
    publicMessage: 'The link is for a single use and does not permit prefetching.',
  });
