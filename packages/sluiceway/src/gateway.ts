export type { Grant, GrantOptions } from './gateway/grant.js';
export type { Key, KeyOptions } from './gateway/keys.js';
export { formatKeys, generateKey, parseKeys } from './gateway/keys.js';
export type { LinkOptions, Links, LinkUse, VerifiedLink } from './gateway/links.js';
export { createLinks } from './gateway/links.js';
