export { createDownloadGateway, type Gateway } from './gateway/gateway.js';
export type { Grant, GrantOptions } from './gateway/grant.js';
export type { Key, KeyOptions } from './gateway/keys.js';
export { formatKeys, generateKey, parseKeys } from './gateway/keys.js';
export type { LinkOptions, Links, LinkUse, VerifiedLink } from './gateway/links.js';
export { createLinks } from './gateway/links.js';
export type { CorsOptions, GatewayDecision, GatewayLimitOptions, GatewayOptions } from './gateway/options.js';
export type { GuardOptions } from './net/guard.js';
export type { ResolvedAddress, Resolver } from './net/resolver.js';
