import { type Outcome, SluicewayError } from '../errors.js';
import type { Fields } from '../http/fields.js';
import type { DownstreamRequest } from '../proxy/downstream-request.js';
import { type Answer, type DownstreamResponseDraft, runHook } from '../proxy/hooks.js';
import type { Plan, Planner } from '../proxy/plan.js';
import type { ChunkSource } from '../stream/chunk-source.js';
import { MaxLengthSource } from '../stream/max-length.js';
import { RatedSource } from '../stream/rated-source.js';
import { type Target, toTarget } from '../upstream/redirect-policy.js';
import type { TransportResponse } from '../upstream/transport.js';
import { answerPreflight, setCorsFields } from './cors.js';
import { toSafeFileName } from './file-name.js';
import { DEFAULT_METHODS, type Grant } from './grant.js';
import { type LinkUse, LinkUses } from './link-uses.js';
import type { GatewayDecision, GatewaySettings } from './options.js';
import { applyResponseRules } from './response-rules.js';
import { TransferLimits } from './transfer-limits.js';
import { readUnsignedQuery } from './unsigned-query.js';

/** Decides for each request of a gateway: what its link permits, whether there is room for it, and where it goes. */
export class GatewayPlanner implements Planner {
  readonly #settings: GatewaySettings;
  readonly #limits: TransferLimits;
  readonly #uses: LinkUses;

  constructor(settings: GatewaySettings) {
    this.#settings = settings;
    this.#limits = new TransferLimits(settings.maxTransfers, settings.maxTransfersPerClient);
    this.#uses = new LinkUses(settings.singleUseWindowMs);
  }

  async plan(request: DownstreamRequest): Promise<Answer | Plan> {
    const { cors, decide } = this.#settings;
    const preflight = answerPreflight(cors, request);
    if (preflight !== null) return preflight;
    const { grant, id } = this.#readGrant(request);
    if (decide !== undefined) {
      const decision = (await runHook(decide, { grant, downstream: request })) ?? 'relay';
      const answer = decision === 'relay' ? null : answerDecision(decision);
      if (answer !== null) return answer;
    }
    const client = request.forwarded.for ?? '';
    const leave = this.#limits.enter(client);
    try {
      const use = this.#uses.begin(id, client, grant);
      return new GrantPlan(this.#settings, grant, use, leave);
    } catch (error) {
      leave();
      throw error;
    }
  }

  completeHead(fields: Fields, request: DownstreamRequest): void {
    if (this.#settings.cors !== null) setCorsFields(fields, this.#settings.cors, request);
  }

  /** What the request's URL permits. Nothing is looked up before. */
  #readGrant(request: DownstreamRequest): { grant: Grant; id: string } {
    const { links, path, unsigned } = this.#settings;
    const isOurs =
      request.path === path ||
      (request.path.startsWith(`${path}/`) && !request.path.slice(path.length + 1).includes('/'));
    if (!isOurs) throw notFound();
    const query = request.query ?? '';
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

/** What holds for one request with a grant. */
class GrantPlan implements Plan {
  readonly target: Target;
  readonly requestFields: Readonly<Record<string, string>>;
  readonly #settings: GatewaySettings;
  readonly #grant: Grant;
  readonly #use: LinkUse;
  readonly #leave: () => void;

  constructor(settings: GatewaySettings, grant: Grant, use: LinkUse, leave: () => void) {
    this.#settings = settings;
    this.#grant = grant;
    this.#use = use;
    this.#leave = leave;
    this.target = toTarget(grant.url);
    this.requestFields = grant.headers;
  }

  judge(target: Target): SluicewayError | null {
    return this.#settings.guard.judge(target);
  }

  onResponse(received: TransportResponse, draft: DownstreamResponseDraft): Answer | null {
    const { contentTypes, relaysErrorContent } = this.#settings;
    const { filename, disposition, contentType } = this.#grant;
    const answer = applyResponseRules(received, draft, {
      fileName: filename === null ? null : toSafeFileName(filename),
      disposition,
      contentType,
      maxBytes: this.#maxBytes,
      contentTypes,
      relaysErrorContent,
    });
    if (received.status < 400) this.#use.succeeded();
    return answer;
  }

  wrapContent(content: ChunkSource): ChunkSource {
    const maxBytes = this.#maxBytes;
    const { rate } = this.#use;
    const limited =
      maxBytes === null
        ? content
        : new MaxLengthSource(
            content,
            maxBytes,
            () => new SluicewayError('http_response_body_size', `The file has more than ${maxBytes} bytes`),
          );
    return rate === null ? limited : new RatedSource(limited, rate);
  }

  end(_outcome: Outcome): void {
    this.#use.end();
    this.#leave();
  }

  get #maxBytes(): number | null {
    const { maxFileBytes } = this.#settings;
    const { maxBytes } = this.#grant;
    if (maxBytes === null || maxFileBytes === null) return maxBytes ?? maxFileBytes;
    return Math.min(maxBytes, maxFileBytes);
  }
}

function answerDecision(decision: Exclude<GatewayDecision, 'relay'>): Answer {
  if ('redirect' in decision) {
    return {
      status: 302,
      fields: {
        Location: String(decision.redirect),
        'Cache-Control': 'no-store',
        'Referrer-Policy': 'no-referrer',
      },
    };
  }
  const { status, reason } = decision.refuse;
  throw new SluicewayError('http_request_denied', reason, {
    status,
    publicMessage: 'The file is not available.',
  });
}

const notFound = (): SluicewayError =>
  new SluicewayError('http_request_denied', 'Nothing is served at this path', {
    status: 404,
    publicMessage: 'There is nothing at this path.',
  });

const methodNotAllowed = (): SluicewayError =>
  new SluicewayError('http_request_denied', 'Only GET and HEAD are served', {
    status: 405,
    publicMessage: 'The method is not allowed.',
    fields: { Allow: DEFAULT_METHODS.join(', ') },
  });
