import {
  createUpstreamGroup,
  type UpstreamGroup,
  type UpstreamGroupOptions,
  type UpstreamServer,
} from 'sluiceway';
import { upstreamGroupOptions } from 'sluiceway/options';
import { isObject, type WrittenOptions } from '../config/library-options.js';
import type { LiveGroup } from '../live/servers.js';

/** A group of servers that a configuration describes, with the name of its upstream or route. */
export interface NamedGroup extends LiveGroup {
  readonly group: UpstreamGroup;
}

/** The options of a group, and those of the upstream that are not about its servers. */
interface Parts {
  servers: unknown;
  /** The options of the group except `servers`. */
  balancing: WrittenOptions;
  rest: WrittenOptions;
}

/** How connections are made. Requests and health checks have these options in common. */
const OF_CONNECTIONS = ['tls', 'protocol', 'egressProxy', 'proxyProtocol'];

/** Null if the upstream is no group. */
export function toParts(upstream: unknown): Parts | null {
  if (!isObject(upstream) || upstream['servers'] === undefined) return null;
  const { servers, ...others } = upstream;
  const entries = Object.entries(others);
  // Health checks connect where the routes with the upstream may.
  const isOfGroup = (name: string): boolean =>
    name !== 'addresses' && Object.hasOwn(upstreamGroupOptions, name);
  return {
    servers,
    balancing: Object.fromEntries(entries.filter(([name]) => isOfGroup(name))),
    rest: Object.fromEntries(entries.filter(([name]) => !isOfGroup(name) || OF_CONNECTIONS.includes(name))),
  };
}

/**
 * A group that all routes with the same named upstream use: what one of them learns about its servers is known to all. It
 * is closed when no route uses it any longer.
 */
export class SharedGroup implements NamedGroup {
  readonly name: string;
  /** Equal for groups whose options are the same, except for their servers. */
  readonly id: string;
  readonly group: UpstreamGroup;
  #servers: string;
  /** The servers that an operator has drained, by URL, as they were then. */
  readonly #drained = new Map<string, UpstreamServer>();
  #users = 0;

  /** Throws an `OptionsError`. */
  constructor(name: string, id: string, { servers, balancing }: Parts) {
    this.name = name;
    this.id = id;
    this.group = createUpstreamGroup({ ...balancing, servers } as UpstreamGroupOptions);
    this.#servers = JSON.stringify(servers);
  }

  /** Closes the group if it has no user. */
  discard(): void {
    if (this.#users === 0) this.group.close();
  }

  /** Returns a function that says that the user no longer needs the group. */
  use(): () => void {
    this.#users += 1;
    let isUsed = true;
    return () => {
      if (!isUsed) return;
      isUsed = false;
      this.#users -= 1;
      if (this.#users === 0) this.group.close();
    };
  }

  /** Replaces the servers, if they are others. Those that stay keep their state. */
  setServers(servers: unknown): void {
    const text = JSON.stringify(servers);
    if (text === this.#servers) return;
    this.#servers = text;
    this.group.setServers(servers as UpstreamGroupOptions['servers']);
    this.#drainAgain();
  }

  /** Those of the group, and those that are drained and have no transfers left. */
  get servers(): readonly UpstreamServer[] {
    const servers = this.group.servers;
    const gone = [...this.#drained.values()].filter(({ url }) => servers.every((each) => each.url !== url));
    return [...servers, ...gone];
  }

  /** Takes a server out until `undrain`, also over a reload. Throws a `TypeError` if there is no other one. */
  drain(url: string, move: boolean): void {
    if (this.#drained.has(url)) return;
    const server = this.group.servers.find((each) => each.url === url);
    if (server === undefined) return;
    this.group.drain(url, { move });
    this.#drained.set(url, { ...server, state: 'draining', since: new Date(), transfers: 0 });
  }

  /** The server gets requests again, as its health allows. */
  undrain(url: string): void {
    if (!this.#drained.delete(url)) return;
    this.group.setServers(JSON.parse(this.#servers) as UpstreamGroupOptions['servers']);
    this.#drainAgain();
  }

  /** New servers of the group are not drained. */
  #drainAgain(): void {
    for (const url of [...this.#drained.keys()]) {
      try {
        this.group.drain(url);
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        // It is no longer configured, or it is the only one.
        this.#drained.delete(url);
      }
    }
  }
}

/** The groups of a configuration. Those of the configuration before are kept if only their servers have changed. */
export class SharedGroups {
  readonly #previous: ReadonlyMap<string, SharedGroup>;
  readonly #groups = new Map<string, SharedGroup>();
  readonly #changes: (() => void)[] = [];

  constructor(previous: SharedGroups | null) {
    this.#previous = previous === null ? new Map() : previous.#groups;
  }

  /**
   * The group with the options, which is created if there is none. Throws an `OptionsError` if the options are not valid.
   */
  get(name: string, id: string, parts: Parts): SharedGroup {
    const known = this.#groups.get(id);
    if (known !== undefined) return known;
    const kept = this.#previous.get(id);
    if (kept === undefined) {
      const made = new SharedGroup(name, id, parts);
      this.#groups.set(id, made);
      return made;
    }
    // Only checks the servers: without health checks, a group does nothing by itself.
    const { health: _health, ...unchecked } = parts.balancing;
    createUpstreamGroup({ ...unchecked, servers: parts.servers } as UpstreamGroupOptions);
    this.#groups.set(id, kept);
    this.#changes.push(() => kept.setServers(parts.servers));
    return kept;
  }

  /** Called when the configuration does not take effect: closes the groups that only it would have used. */
  discard(): void {
    for (const group of this.#groups.values()) group.discard();
  }

  get all(): readonly NamedGroup[] {
    return [...this.#groups.values()];
  }

  /** Called when the configuration takes effect. */
  adopt(): void {
    for (const change of this.#changes.splice(0)) change();
  }
}
