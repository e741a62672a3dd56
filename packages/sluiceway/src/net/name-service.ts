import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';

/** The files that configure the operating system's resolver. */
export interface NameServiceFiles {
  hosts: string;
  resolv: string;
  /** The Name Service Switch. Systems without it use the hosts file, then DNS. */
  nsswitch: string;
}

export const systemFiles: NameServiceFiles = {
  hosts: '/etc/hosts',
  resolv: '/etc/resolv.conf',
  nsswitch: '/etc/nsswitch.conf',
};

/** How names are completed (resolv.conf(5)). */
export interface SearchRules {
  /** Domains to append, in order. */
  domains: readonly string[];
  /** A name with at least this many dots is first tried without a domain. */
  ndots: number;
}

/** How long a file counts as unchanged before it is checked again. */
const LOOK_EVERY_MS = 1000;

/** glibc's limit. */
const MAX_NDOTS = 15;

/** A file that is read again when it changes. A missing file counts as empty. */
export class WatchedFile<T> {
  readonly #path: string;
  readonly #parse: (text: string) => T;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #stamp = '';
  #value: T;
  #isKnown = true;
  /** Increases with every change. */
  changes = 0;

  constructor(path: string, parse: (text: string) => T) {
    this.#path = path;
    this.#parse = parse;
    this.#value = parse('');
  }

  get value(): T {
    this.#look();
    return this.#value;
  }

  /** False if the file exists but could never be read, for example because Node's permission model denies it. */
  get isKnown(): boolean {
    this.#look();
    return this.#isKnown;
  }

  /** Synchronous, because asynchronous reads use libuv's thread pool, which lookups can occupy. */
  #look(): void {
    const now = performance.now();
    if (now - this.#lookedAt < LOOK_EVERY_MS) return;
    this.#lookedAt = now;
    try {
      // The permission model refuses this as well.
      const stats = statSync(this.#path, { throwIfNoEntry: false });
      const stamp = stats === undefined ? '' : `${stats.mtimeMs} ${stats.size} ${stats.ino}`;
      if (stamp !== this.#stamp) {
        this.#value = this.#parse(stats === undefined ? '' : readFileSync(this.#path, 'latin1'));
        this.#stamp = stamp;
        this.changes += 1;
      }
      this.#isKnown = true;
    } catch {
      // The previous content stays valid until the file can be read.
      this.#isKnown = this.changes > 0;
    }
  }
}

/** Parses the addresses of each name, in the order of the file (hosts(5)). Names are in lower case. */
export function parseHosts(text: string): ReadonlyMap<string, readonly string[]> {
  const hosts = new Map<string, string[]>();
  for (const line of lines(text)) {
    const [address = '', ...names] = words(line);
    if (isIP(address) === 0) continue;
    for (const name of names) {
      const key = name.toLowerCase();
      const found = hosts.get(key);
      if (found === undefined) hosts.set(key, [address]);
      else if (!found.includes(address)) found.push(address);
    }
  }
  return hosts;
}

/** `LOCALDOMAIN` and `RES_OPTIONS` in `environment` override the file (resolv.conf(5)). */
export function parseSearch(
  text: string,
  environment: Readonly<Record<string, string | undefined>> = {},
): SearchRules {
  let domains: string[] = [];
  let ndots = 1;
  const readOptions = (options: readonly string[]): void => {
    for (const option of options) {
      const [, number] = /^ndots:(\d{1,3})$/.exec(option) ?? [];
      if (number !== undefined) ndots = Math.min(MAX_NDOTS, Number(number));
    }
  };
  for (const line of lines(text)) {
    const [keyword, ...values] = words(line);
    // The last of these lines takes effect.
    if (keyword === 'search') domains = values;
    else if (keyword === 'domain') domains = values.slice(0, 1);
    else if (keyword === 'options') readOptions(values);
  }
  if (environment.LOCALDOMAIN !== undefined) domains = words(environment.LOCALDOMAIN);
  if (environment.RES_OPTIONS !== undefined) readOptions(words(environment.RES_OPTIONS));
  return { domains: domains.map((each) => each.replace(/\.$/, '')).filter((each) => each !== ''), ndots };
}

/** Sources that never contradict DNS, or that know only names which are looked up elsewhere as well. */
const COMPATIBLE = /^(?:files|cache|myhostname|mymachines|mdns[46]?(?:_minimal)?)$/;

/** Reports whether the hosts file and then DNS give the same result as this system's resolver (nsswitch.conf(5)). */
export function usesDnsFirst(text: string): boolean {
  const line = lines(text).find((each) => /^\s*hosts\s*:/.test(each));
  if (line === undefined) return true;
  const sources = words(line.slice(line.indexOf(':') + 1).replace(/\[[^\][]*\]/g, ' '));
  const dns = sources.findIndex((each) => each === 'dns' || each === 'resolve');
  return dns >= 0 && sources.slice(0, dns).every((each) => COMPATIBLE.test(each));
}

/** Returns the names to query in DNS, in order (resolv.conf(5)). */
export function candidates(name: string, { domains, ndots }: SearchRules): string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)];
  const completed = domains.map((domain) => `${name}.${domain}`);
  const dots = name.split('.').length - 1;
  return dots >= ndots ? [name, ...completed] : [...completed, name];
}

const lines = (text: string): string[] => text.split('\n').map((line) => line.replace(/[#;].*/, ''));

const words = (line: string): string[] => line.split(/\s+/).filter((word) => word !== '');
