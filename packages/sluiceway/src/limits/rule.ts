import { type AddressRanges, createAddressRanges } from '../net/address-ranges.js';
import type { Checker } from '../options/checker.js';
import {
  callFunction,
  type KeyFunction,
  type LimitBy,
  type LimitedRequest,
  type Stage,
  stageOf,
} from './keys.js';
import type { PathPattern } from './path-pattern.js';
import type { LimitRuleValues } from './rule-options.js';
import { Schedule } from './schedule.js';
import type { CountWindow } from './store.js';

/** A checked rule. */
export interface Rule {
  readonly name: string;
  /** Its name in a store. Rules of other processes with this name count together. */
  readonly sharedName: string;
  /** When it is asked. */
  readonly stage: Stage;
  /** Whether `download` is that of the link of each key. */
  readonly hasLinkRate: boolean;
  readonly by: LimitBy;
  readonly ipv6Prefix: number;
  /** Bytes per second. Null for no limit. */
  readonly download: number | null;
  readonly upload: number | null;
  /** Bytes. Null: a tenth of a second. */
  readonly burst: number | null;
  readonly transfers: number | null;
  readonly requests: { readonly count: number; readonly ms: number } | null;
  readonly bytes: { readonly count: number; readonly window: CountWindow } | null;
  /** Null: what is beyond the limit is refused. */
  readonly queue: { readonly length: number; readonly timeoutMs: number } | null;
  readonly weight: ((request: LimitedRequest) => number) | null;
  readonly methods: readonly string[] | null;
  readonly paths: readonly PathPattern[] | null;
  readonly exceptClients: AddressRanges;
  readonly exceptIdentities: ReadonlySet<string>;
  readonly schedule: Schedule;
  readonly onStoreFailure: 'open' | 'closed' | 'share';
}

/** Adds problems of whole rules. `path` is that of the list. */
export function toRules(values: readonly LimitRuleValues[], check: Checker, path: string): Rule[] {
  const names = new Set(values.flatMap(({ name }) => name ?? []));
  const taken = new Set<string>();
  return values.map((value, index) => {
    const at = `${path}[${index}]`;
    const { name = freeName(value.by, names, taken) } = value;
    const isKnown = !check.problems.some(({ path: of }) => isLimitOf(of, at));
    if (taken.has(name)) check.problem(`${at}.name`, `is the name of another rule: ${name}`);
    taken.add(name);
    if (isKnown && !limitsAnything(value))
      check.problem(at, 'must have at least one of download, upload, transfers, requests and bytes');
    if (isKnown && value.queue !== null && value.transfers === undefined && value.requests === null)
      check.problem(`${at}.queue`, 'needs transfers or requests, for which it is');
    return toRule(name, value);
  });
}

/** Whether a path is that of a limit of a rule. One that is not valid has no value. */
const isLimitOf = (path: string, rule: string): boolean =>
  path.startsWith(`${rule}.`) &&
  /^(?:download|upload|transfers|requests|bytes)\b/.test(path.slice(rule.length + 1));

/** Whether a rule is for a request. */
export function appliesTo(rule: Rule, request: LimitedRequest): boolean {
  const { methods, paths, exceptClients, exceptIdentities } = rule;
  if (methods !== null && !methods.includes(request.method)) return false;
  if (paths !== null && !paths.some((matches) => matches(request.path))) return false;
  if (request.identity !== null && exceptIdentities.has(request.identity)) return false;
  return !exceptClients.includes(request.forwarded.for);
}

/** Sums of weights within these limits are exact enough to divide by, in a store too. */
const MIN_WEIGHT = 0.001;
const MAX_WEIGHT = 1_000_000_000;

/** The weight of a transfer. Throws a `TypeError` if the application's function returns no such number. */
export function weightOf({ weight, name }: Rule, request: LimitedRequest): number {
  if (weight === null) return 1;
  const given: unknown = callFunction(weight, request);
  if (typeof given === 'number' && given >= MIN_WEIGHT && given <= MAX_WEIGHT) return given;
  throw new TypeError(`weight of the rule ${name} must return a number from ${MIN_WEIGHT} to ${MAX_WEIGHT}`);
}

const limitsAnything = ({ download, upload, transfers, requests, bytes }: LimitRuleValues): boolean =>
  download !== undefined ||
  upload !== undefined ||
  transfers !== undefined ||
  requests !== null ||
  bytes !== null;

/** The part of a rule that limits nothing, and is for every request. */
export const NO_LIMITS: Omit<Rule, 'name' | 'sharedName' | 'stage' | 'by'> = {
  hasLinkRate: false,
  ipv6Prefix: 64,
  download: null,
  upload: null,
  burst: null,
  transfers: null,
  requests: null,
  bytes: null,
  queue: null,
  weight: null,
  methods: null,
  paths: null,
  exceptClients: createAddressRanges([]),
  exceptIdentities: new Set(),
  schedule: new Schedule([]),
  onStoreFailure: 'share',
};

function toRule(name: string, value: LimitRuleValues): Rule {
  const { requests, bytes, queue, match, except } = value;
  return {
    name,
    sharedName: name,
    stage: stageOf(value.by),
    hasLinkRate: false,
    by: value.by,
    ipv6Prefix: value.ipv6Prefix,
    download: value.download ?? null,
    upload: value.upload ?? null,
    burst: value.burst ?? null,
    transfers: value.transfers ?? null,
    requests:
      requests?.count === undefined || requests.per === undefined
        ? null
        : { count: requests.count, ms: requests.per },
    bytes:
      bytes?.count === undefined || bytes.per === undefined
        ? null
        : { count: bytes.count, window: bytes.per },
    queue: queue?.length === undefined ? null : { length: queue.length, timeoutMs: queue.timeout },
    weight: value.weight ?? null,
    methods: match.methods ?? null,
    paths: match.paths ?? null,
    exceptClients: createAddressRanges(except.clients.filter(isRange)),
    exceptIdentities: new Set(except.identities),
    schedule: new Schedule(value.when ?? []),
    onStoreFailure: value.onStoreFailure,
  };
}

/** A list that has a problem may have others than ranges. */
function isRange(text: string): boolean {
  try {
    createAddressRanges([text]);
    return true;
  } catch {
    return false;
  }
}

function freeName(by: LimitBy | KeyFunction, names: ReadonlySet<string>, taken: ReadonlySet<string>): string {
  const kind = typeof by === 'function' ? 'custom' : typeof by === 'object' ? 'header' : by;
  for (let n = 1; ; n += 1) {
    const name = n === 1 ? kind : `${kind}-${n}`;
    if (!names.has(name) && !taken.has(name)) return name;
  }
}
