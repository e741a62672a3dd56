import type { Target } from '../redirect-policy.js';
import { aimElsewhere } from '../send.js';
import type { TransportRequest } from '../transport.js';

/** One exact place to ask, and the request as it goes there. */
export interface Place {
  target: Target;
  request: TransportRequest;
}

/** One server that has the file. */
interface Site {
  /** Where one begins to ask. */
  start: Place;
  /** Where the redirects from there have led to; the same where there were none. */
  last: Place;
  /** The first site of all: others may have entity tags of their own. */
  isMirror: boolean;
}

/** The places that have the same content, and which of them is asked next. */
export class Route {
  readonly #sites: Site[];
  #at = 0;

  /** One began to ask at `start`, the second place has answered; `mirrors` have the same file. */
  constructor(
    start: Place,
    { target, request }: Place,
    mirrors: readonly Target[],
    secretFields: readonly string[],
  ) {
    const toMirror = (mirror: Target): Site => {
      const place = aim(start, mirror, secretFields);
      return { start: place, last: place, isMirror: true };
    };
    this.#sites = [{ start, last: { target, request }, isMirror: false }, ...mirrors.map(toMirror)];
  }

  get place(): Place {
    return this.#site.last;
  }

  get isAtMirror(): boolean {
    return this.#site.isMirror;
  }

  get hasMirrors(): boolean {
    return this.#sites.length > 1;
  }

  /** The place has answered, perhaps by way of redirects: there it goes on. */
  arrived({ target, request }: Place): void {
    this.#site.last = { target, request };
  }

  /** To the next server that has the file, in turn; the only one stays. */
  turn(): void {
    this.#at = (this.#at + 1) % this.#sites.length;
  }

  /** Never asks this server again, and goes to the next. False where there is none. */
  drop(): boolean {
    if (!this.hasMirrors) return false;
    this.#sites.splice(this.#at, 1);
    this.#at %= this.#sites.length;
    return true;
  }

  /** Back to where the redirects began: they may lead elsewhere now. False where there were none. */
  walkAgain(): boolean {
    const site = this.#site;
    if (site.last === site.start || site.last.target === site.start.target) return false;
    site.last = site.start;
    return true;
  }

  /** The server has the file at another URL now. */
  moveTo(target: Target, secretFields: readonly string[]): void {
    const place = aim(this.#site.start, target, secretFields);
    this.#site.start = place;
    this.#site.last = place;
  }

  get #site(): Site {
    return this.#sites[this.#at] as Site;
  }
}

const aim = ({ target: from, request }: Place, target: Target, secretFields: readonly string[]): Place => ({
  target,
  request: aimElsewhere(request, from, target, secretFields),
});
