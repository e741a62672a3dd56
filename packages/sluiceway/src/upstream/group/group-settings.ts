import type { BreakerSettings } from './circuit-breaker.js';
import type { EjectionSettings } from './ejection.js';
import type { HealthSettings } from './health/health-checks.js';
import type { MoveSettings } from './rate-watch.js';
import type { QueueSettings } from './request-queue.js';
import type { NameSettings } from './resolve/server-names.js';
import type { RetrySettings } from './retry-policy.js';
import type { HedgeSettings } from './send-hedged.js';
import type { ChoiceSettings } from './server-choice.js';
import type { ServerSettings } from './server-settings.js';
import type { StickySettings } from './sticky.js';

/** Checked values of the options of a group. */
export interface GroupSettings extends ChoiceSettings {
  servers: readonly ServerSettings[];
  passive: EjectionSettings;
  /** Null: servers are not checked. */
  health: HealthSettings | null;
  retry: RetrySettings;
  move: MoveSettings;
  /** How names of servers are resolved. */
  names: NameSettings;
  queue: QueueSettings;
  /** Null: there is no circuit breaker. */
  breaker: BreakerSettings | null;
  hedge: HedgeSettings;
  /** Null: cookies do not matter. */
  sticky: StickySettings | null;
  /** Checks a new list of servers. Throws an `OptionsError`. */
  checkServers(servers: unknown): readonly ServerSettings[];
}
