import { SluicewayError } from '../../errors.js';
import { isMountPoint, type PathPrefix, splitTarget } from '../../http/prefix.js';
import { joinTarget, readRequestTarget } from '../../http/target.js';
import type { HandleContext } from '../../proxy/messages/handle-context.js';

export interface PlaceOptions {
  /** Fastify's prefix: of the plugin and all plugins around it. Segments can be parameters (`/:id`). */
  prefix: string;
  /** Checked. `''` for the root. Undefined: the prefix is removed. */
  rewritePrefix: PathPrefix | undefined;
  /** Whether the router merges repeated slashes. */
  collapses: boolean;
}

type Place = Pick<HandleContext, 'target' | 'mountPath' | 'isMountPoint'>;

const isParameter = (segment: string): boolean => segment.startsWith(':');

/** Where a plugin is mounted: which part of a path is its prefix, and what replaces it. */
export class MountPlace {
  readonly #segments: readonly string[];
  readonly #rewritePrefix: PathPrefix | undefined;
  readonly #collapses: boolean;

  constructor({ prefix, rewritePrefix, collapses }: PlaceOptions) {
    this.#segments = prefix.split('/').filter((segment) => segment !== '');
    this.#collapses = collapses;
    this.#rewritePrefix = rewritePrefix;
  }

  /** Reports whether a target is under the prefix. */
  holds(target: string): boolean {
    const split = splitTarget(target, this.#segments.length, this.#collapses);
    if (split === null) return false;
    const raw = split.prefix.split('/').filter((segment) => segment !== '');
    return this.#segments.every((segment, i) => isParameter(segment) || segment === raw[i]);
  }

  /**
   * Removes the prefix from a target that the router has matched, by counting segments: the router decodes, so it finds
   * `/%66iles` under `/files`. Throws `http_request_error` for dot segments that lead out of the new prefix.
   */
  locate(target: string): Place {
    const count = this.#segments.length;
    if (count === 0 && this.#rewritePrefix === undefined) return {};
    const split = splitTarget(target, count, this.#collapses);
    if (split === null)
      throw new SluicewayError('http_request_error', 'The request-target is not under the prefix');
    const { prefix, rest } = split;
    const isExact = isMountPoint(target, prefix);
    if (this.#rewritePrefix === undefined) return { target: rest, mountPath: prefix, isMountPoint: isExact };
    const { path, query } = readRequestTarget('GET', rest);
    const base = this.#rewriteParameters(this.#rewritePrefix, prefix);
    return { target: joinTarget({ path: base, query: '' }, isExact ? null : path, query), mountPath: prefix };
  }

  /** Inserts the client's segments into the new prefix. None of them may lead upwards. */
  #rewriteParameters(rewritePrefix: string, prefix: string): string {
    if (!rewritePrefix.includes(':')) return rewritePrefix;
    const raw = prefix.split('/').filter((segment) => segment !== '');
    return rewritePrefix.replace(/:\w+/g, (name) => {
      const value = raw[this.#segments.indexOf(name)];
      if (value === undefined) return name;
      joinTarget({ path: '/-', query: '' }, `/${value}`, null);
      return value;
    });
  }
}
