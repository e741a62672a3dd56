import { clientCertificateOptions } from './access/client-certificate.js';
import { forwardAuthOptions } from './access/remote/forward-auth-options.js';
import { jwtOptions } from './access/remote/jwt-options.js';
import { gatewayOptions, gatewayOwnOptions } from './gateway/options.js';
import type { AnySpec, Members } from './options/spec.js';
import { streamerOwnOptions } from './proxy/mount/streamer-options.js';
import { upstreamGroupOptions } from './proxy/options/group-options.js';
import { hookOptions } from './proxy/options/hook-options.js';
import { proxyOptions } from './proxy/options/proxy-options.js';
import { redisStoreOptions } from './store/redis-options.js';

export { readFileName, toSafeFileName } from './gateway/file-name.js';
export { type ContentRange, parseContentRange } from './http/content-range.js';
export { parseDigest, readDigest } from './http/digest.js';
export { parseRetryAfter } from './http/retry-after.js';
export { findValidator, type Validator } from './http/validators.js';
export { createTrustedPeers, isUnixPeer, type TrustedPeers } from './net/trusted-peers.js';
export { Checker } from './options/checker.js';
export { either, group, list, listOptions, type Place, record } from './options/composites.js';
export type { JsonSchema } from './options/json-schema.js';
export { type About, boolean, custom, duration, integer, oneOf, size, string } from './options/kinds.js';
export type {
  AnySpec,
  InputOf,
  Members,
  OptionKind,
  OptionsOf,
  SettingsOf,
  Spec,
  ValueOf,
} from './options/spec.js';
export { findSpec, joinPath, membersOf, OFF, resolve } from './options/spec.js';
export { groupSchema, toJsonSchema } from './options/to-json-schema.js';
export {
  clientCertificateOptions,
  forwardAuthOptions,
  gatewayOptions,
  jwtOptions,
  proxyOptions,
  redisStoreOptions,
  upstreamGroupOptions,
};

/** The options that the documents have tables of, by the function that takes them. */
export const documentedOptions: Readonly<
  Record<
    'createProxy' | 'streamFrom' | 'gateway' | 'jwt' | 'clientCertificate' | 'forwardAuth' | 'redisStore',
    Members
  >
> = {
  createProxy: proxyOptions,
  // Those that they share with `createProxy` are in the tables of that.
  streamFrom: { ...streamerOwnOptions, tls: withoutMembers(streamerOwnOptions.tls) },
  gateway: {
    ...gatewayOwnOptions,
    tls: withoutMembers(gatewayOwnOptions.tls),
    transform: {
      ...withoutMembers(hookOptions.transform),
      doc: 'Streams between the origin server and the client, such as a scanner: see [transforms](hooks.md#transform). A gateway passes no request content, so `transform.request` has no effect. `limits.fileBytes` and `maxBytes` count their output.',
    },
    decide: gatewayOptions.decide,
  },
  jwt: { ...jwtOptions, tls: withoutMembers(jwtOptions.tls) },
  clientCertificate: clientCertificateOptions,
  forwardAuth: { ...forwardAuthOptions, tls: withoutMembers(forwardAuthOptions.tls) },
  redisStore: redisStoreOptions,
};

function withoutMembers(spec: AnySpec): AnySpec {
  const { members, ...others } = spec;
  return members === undefined ? spec : others;
}
