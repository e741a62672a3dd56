import { randomUUID } from 'node:crypto';
import { SluicewayError } from '../errors.js';
import type { LinkStore, UseOfLink } from '../limits/store.js';
import type { LinkTerms, LinkUseStore, LinkUses, PendingUse } from './link-uses.js';

/** How long to wait before the store is told again what it has not taken. */
const RETRY_MS = 1000;

/** Single-use links that several processes serve. */
export class SharedLinkUses implements LinkUseStore {
  readonly #local: LinkUses;
  readonly #links: LinkStore;
  readonly #windowMs: number;

  constructor(local: LinkUses, links: LinkStore, windowMs: number) {
    this.#local = local;
    this.#links = links;
    this.#windowMs = windowMs;
  }

  /** Throws `limit_unavailable` if the store cannot be asked: no client may get a file that another may have had. */
  async begin(id: string, client: string | null, terms: LinkTerms): Promise<PendingUse> {
    if (!terms.singleUse || client === null) return this.#local.begin(id, client, terms);
    const use: UseOfLink = { id, useId: randomUUID(), client, expiresAt: terms.expires * 1000 };
    let told: Promise<void> | null = null;
    const local = this.#local.begin(id, client, terms, () => {
      told = this.#succeed(use);
    });
    try {
      await this.#take(use);
    } catch (error) {
      local.end();
      throw error;
    }
    return {
      succeeded: () => local.succeeded(),
      sends: (bytes, total) => local.sends(bytes, total),
      end: () => {
        local.end();
        // The link stays with its client until the store knows that it has the file.
        void Promise.resolve(told).then(() => this.#links.end(use).catch(() => {}));
      },
    };
  }

  async #take(use: UseOfLink): Promise<void> {
    let answer: Awaited<ReturnType<LinkStore['begin']>>;
    try {
      answer = await this.#links.begin(use);
    } catch (cause) {
      throw new SluicewayError('limit_unavailable', 'The store of single-use links cannot be asked', {
        cause,
      });
    }
    if (answer === 'over')
      throw new SluicewayError('link_used', 'The window of the single-use link has ended');
    if (answer === 'taken')
      throw new SluicewayError('link_used', 'The single-use link belongs to another client');
  }

  /** Tells the store as often as is needed. */
  async #succeed(use: UseOfLink): Promise<void> {
    while (Date.now() < use.expiresAt + this.#windowMs) {
      try {
        await this.#links.succeeded(use, this.#windowMs);
        return;
      } catch {
        await pause(RETRY_MS);
      }
    }
  }
}

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
