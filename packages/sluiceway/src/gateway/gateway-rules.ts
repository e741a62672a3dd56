import { type LimitBy, STAGES } from '../limits/keys.js';
import { NO_LIMITS, type Rule } from '../limits/rule.js';

/** Names of the rules that every gateway has. They are paths of options; names of configured rules cannot be such paths. */
const TRANSFERS = 'limits.transfers';
const TRANSFERS_PER_CLIENT = 'limits.transfersPerClient';
const LINK_RATE = 'link.rate';

/** The rules that do not hold for a download that may be continued although the limits are reached. */
export const rulesOfTransfers: ReadonlySet<string> = new Set([TRANSFERS, TRANSFERS_PER_CLIENT]);

export interface GatewayRuleSettings {
  /** Null for no limit. */
  maxTransfers: number | null;
  maxTransfersPerClient: number | null;
  /** Where clients reach the gateway. In a store, gateways with the same count together. */
  address: string;
}

/** The limits of a gateway as rules: of transfers, and of the rate of links. */
export function gatewayRules({ maxTransfers, maxTransfersPerClient, address }: GatewayRuleSettings): Rule[] {
  const limit = (name: string, by: LimitBy, transfers: number | null): Rule[] =>
    transfers === null
      ? []
      : [{ ...NO_LIMITS, name, sharedName: `${name} ${address}`, stage: STAGES.link, by, transfers }];
  return [
    ...limit(TRANSFERS, 'all', maxTransfers),
    ...limit(TRANSFERS_PER_CLIENT, 'client', maxTransfersPerClient),
    // A link is the same wherever it is used.
    {
      ...NO_LIMITS,
      name: LINK_RATE,
      sharedName: LINK_RATE,
      stage: STAGES.link,
      by: 'link',
      hasLinkRate: true,
    },
  ];
}
