export { GuardedAgent, type GuardedAgentOptions, GuardedHttpsAgent } from './guard/guarded-agent.js';
export { type ConnectRequest, type GuardedConnector, guardedConnect } from './guard/guarded-connect.js';
export type { GuardedConnectOptions } from './guard/guarded-dialer.js';
export { type PublicOnly, publicOnly } from './guard/public-only.js';
export type { AddressDecision, AddressPolicy } from './net/address-policy.js';
export type { GuardOptions } from './net/guard-options.js';
export { pathForms } from './net/path-forms.js';
export type { ResolvedAddress, Resolver } from './net/resolver.js';
