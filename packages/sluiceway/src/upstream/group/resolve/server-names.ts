import { SluicewayError } from '../../../errors.js';
import { type Resolver, toDnsError } from '../../../net/resolver.js';
import { keyOf, type Resolution, type ServerSettings } from '../server-settings.js';
import { type Found, type FoundServer, type KnownAddresses, lookUp, toServers } from './look-up.js';

/** Checked values of `dns`. */
export interface NameSettings {
  resolver: Resolver;
  /** How long an answer is used. Null: as long as it says. */
  refreshMs: number | null;
}

/** How long an answer is used that does not say it: of a hosts file, or of SRV records, whose TTL Node does not tell. */
const UNKNOWN_TTL_MS = 30_000;
const MIN_TTL_MS = 1000;
const MAX_TTL_MS = 300_000;
/** A resolver that has not answered by then has failed. */
const TIMEOUT_MS = 15_000;

/** A server whose name is resolved. */
type Named = ServerSettings & { resolve: Resolution };

interface Watched {
  readonly hostname: string;
  readonly resolution: Resolution;
  /** The last good answer. Null: there was none yet. */
  servers: readonly FoundServer[] | null;
  readonly known: KnownAddresses;
  /** Answers in a row that the name has no servers. */
  nones: number;
  /** Failed lookups in a row. */
  failures: number;
  /** The error of the last lookup. Null if it has succeeded. */
  error: SluicewayError | null;
  timer: NodeJS.Timeout | null;
  isStopped: boolean;
  /** Settled when the first lookup is over, whatever its result. */
  first: Promise<void>;
}

const isNamed = (server: ServerSettings): server is Named => server.resolve !== null;

/**
 * Resolves the names of servers again and again. If a lookup fails, the last good answer stays. If the name is said to have
 * no servers twice in a row, it has none: their addresses may belong to others by now.
 */
export class ServerNames {
  readonly #settings: NameSettings;
  readonly #onChange: () => void;
  readonly #watched = new Map<string, Watched>();
  #servers: readonly ServerSettings[] = [];
  #isStarted = false;
  #isEnded = false;

  /** `onChange` is called when the servers of a name have changed. */
  constructor(settings: NameSettings, onChange: () => void) {
    this.#settings = settings;
    this.#onChange = onChange;
  }

  /** Resolves the names of exactly these servers from now on, once `start` has been called. */
  watch(servers: readonly ServerSettings[]): void {
    this.#servers = servers;
    const keys = new Set(servers.filter(isNamed).map(nameKey));
    for (const [key, watched] of this.#watched) {
      if (keys.has(key)) continue;
      this.#watched.delete(key);
      stop(watched);
    }
    if (this.#isStarted) this.#watchAll();
  }

  /** Begins to resolve. Can be called again. */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#watchAll();
  }

  /** Names are not resolved again. The last answers stay, and names that were not resolved before are resolved once. */
  end(): void {
    this.#isEnded = true;
    for (const { timer } of this.#watched.values()) if (timer !== null) clearTimeout(timer);
  }

  /** All servers, with those behind the names in the place of these. No server is in the list twice. */
  get servers(): ServerSettings[] {
    const all = new Map<string, ServerSettings>();
    for (const server of this.#servers.flatMap((each) => (isNamed(each) ? this.#behind(each) : [each]))) {
      const key = keyOf(server.base);
      if (!all.has(key)) all.set(key, server);
    }
    return [...all.values()];
  }

  /** Settled when every name has been looked up once. Null if that is so. */
  get pending(): Promise<void> | null {
    const pending = [...this.#watched.values()].filter(
      ({ servers, failures, nones }) => servers === null && failures + nones === 0,
    );
    return pending.length === 0 ? null : Promise.all(pending.map(({ first }) => first)).then(() => {});
  }

  /** Why a name has no servers. Null if each has some. */
  get error(): SluicewayError | null {
    for (const { hostname, servers, error } of this.#watched.values())
      if ((servers?.length ?? 0) === 0)
        return error ?? new SluicewayError('dns_error', `${hostname} has no servers`, { retryable: true });
    return null;
  }

  #behind(named: Named): ServerSettings[] {
    const servers = this.#watched.get(nameKey(named))?.servers ?? [];
    return toServers(named, servers);
  }

  #watchAll(): void {
    for (const server of this.#servers) {
      if (!isNamed(server) || this.#watched.has(nameKey(server))) continue;
      const watched: Watched = {
        hostname: server.base.hostname,
        resolution: server.resolve,
        servers: null,
        known: new Map(),
        nones: 0,
        failures: 0,
        error: null,
        timer: null,
        isStopped: false,
        first: Promise.resolve(),
      };
      this.#watched.set(nameKey(server), watched);
      watched.first = this.#refresh(watched);
    }
  }

  async #refresh(watched: Watched): Promise<void> {
    const found = await this.#find(watched);
    if (watched.isStopped) return;
    watched.error = found instanceof SluicewayError ? found : null;
    const isFirst = watched.servers === null && watched.failures + watched.nones === 0;
    const before = JSON.stringify(watched.servers);
    if (found instanceof SluicewayError) watched.failures += 1;
    else {
      watched.failures = 0;
      watched.nones = found.servers.length === 0 ? watched.nones + 1 : 0;
      if (watched.nones === 0 || (watched.nones > 1 && watched.servers !== null))
        watched.servers = found.servers;
    }
    if (!this.#isEnded) {
      const timer = setTimeout(() => void this.#refresh(watched), this.#delayMs(watched, found));
      // Names alone do not keep the process running.
      watched.timer = timer.unref();
    }
    if (isFirst || JSON.stringify(watched.servers) !== before) this.#onChange();
  }

  /** Resolves with the error if the lookup has failed. */
  #find({ hostname, resolution, known }: Watched): Promise<Found | SluicewayError> {
    return new Promise((resolve) => {
      const late = new SluicewayError('dns_timeout', `${hostname}: no answer within ${TIMEOUT_MS} ms`);
      const timer = setTimeout(resolve, TIMEOUT_MS, late).unref();
      void lookUp(hostname, resolution, this.#settings.resolver, known)
        .catch((error: unknown) => toDnsError(hostname, error))
        .then((found) => {
          clearTimeout(timer);
          resolve(found);
        });
    });
  }

  #delayMs({ failures, nones }: Watched, found: Found | SluicewayError): number {
    const { refreshMs } = this.#settings;
    if (refreshMs !== null) return refreshMs;
    if (found instanceof SluicewayError || nones === 1)
      return Math.min(UNKNOWN_TTL_MS, MIN_TTL_MS * 2 ** Math.min(10, Math.max(0, failures - 1)));
    return Math.min(MAX_TTL_MS, Math.max(MIN_TTL_MS, found.ttlMs ?? UNKNOWN_TTL_MS));
  }
}

function stop(watched: Watched): void {
  watched.isStopped = true;
  if (watched.timer !== null) clearTimeout(watched.timer);
}

const nameKey = ({ base, resolve }: Named): string => `${resolve} ${keyOf(base)}`;
