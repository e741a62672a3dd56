import { type ErrorCode, SluicewayError } from '../errors.js';
import { formatPolicies, formatRateLimits, type Quota } from '../http/rate-limit-fields.js';
import { retrySoon } from '../http/retry-after.js';
import { periodSeconds } from './counts.js';
import type { KeyState, Refusal } from './key-state.js';
import { isGlobal } from './keys.js';

const CODES: Readonly<Record<Refusal['kind'], ErrorCode>> = {
  transfers: 'transfer_limit_reached',
  requests: 'request_limit_reached',
  bytes: 'byte_limit_reached',
  blocked: 'limit_key_blocked',
};

/** A longer wait is announced as this: a client that waits for months has been forgotten. */
const MAX_RETRY_SECONDS = 31 * 24 * 3600;

/** The error for a refused request. `states` are all keys of the request, whose quotas its answer names. */
export function toError({ state, kind, retryMs }: Refusal, states: readonly KeyState[]): SluicewayError {
  const { rule } = state;
  const code = CODES[kind];
  const message = `The limit of ${kind} of the rule ${rule.name} has been reached`;
  if (kind === 'blocked') {
    return new SluicewayError(code, `The key is blocked for the rule ${rule.name}`, {
      ...(retryMs !== null && Number.isFinite(retryMs) && { headers: { 'Retry-After': toSeconds(retryMs) } }),
    });
  }
  const quotas = states.flatMap(quotasOf);
  return new SluicewayError(code, message, {
    ...(isGlobal(rule.by) && { status: 503, publicMessage: 'The server is overloaded.' }),
    headers: {
      'Retry-After': retryMs === null ? retrySoon() : toSeconds(retryMs),
      'RateLimit-Policy': formatPolicies(quotas),
      RateLimit: formatRateLimits(quotas),
    },
  });
}

const toSeconds = (ms: number): string =>
  String(Math.min(MAX_RETRY_SECONDS, Math.max(1, Math.ceil(ms / 1000))));

/** The quotas of a key. Those of other units than requests have the unit in their name, since names must differ. */
function quotasOf(state: KeyState): Quota[] {
  const { rule, requests, bytes } = state;
  const { name } = rule;
  const now = Date.now();
  const quotas: Quota[] = [];
  if (rule.requests !== null && requests !== null)
    quotas.push({
      name,
      unit: 'requests',
      limit: rule.requests.count,
      windowSeconds: Math.ceil(rule.requests.ms / 1000),
      remaining: rule.requests.count - requests.used,
      resetSeconds: requests.untilBelow(0, now) / 1000,
    });
  if (rule.transfers !== null)
    quotas.push({
      name: `${name}-transfers`,
      unit: 'concurrent-requests',
      limit: rule.transfers,
      windowSeconds: null,
      remaining: rule.transfers - state.running,
      resetSeconds: null,
    });
  if (rule.bytes !== null && bytes !== null)
    quotas.push({
      name: `${name}-bytes`,
      unit: 'content-bytes',
      limit: rule.bytes.count,
      windowSeconds: periodSeconds(rule.bytes.window, now),
      remaining: rule.bytes.count - bytes.used,
      resetSeconds: (bytes.end - now) / 1000,
    });
  return quotas;
}
