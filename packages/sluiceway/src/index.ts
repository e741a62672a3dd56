export type { CredentialOptions } from './access/authorization.js';
export { basic } from './access/basic.js';
export type { BasicUsers } from './access/basic-users.js';
export { bearer } from './access/bearer.js';
export type { BearerTokens } from './access/bearer-tokens.js';
export { clientAddresses } from './access/client-addresses.js';
export type { ClientCertificateRules } from './access/client-certificate.js';
export { clientCertificate } from './access/client-certificate.js';
export { allOf, anyOf } from './access/combine.js';
export type { Key, KeyOptions } from './access/keys.js';
export type {
  AccessDecision,
  AccessGrant,
  AccessPolicy,
  AccessRefusal,
  AccessRequest,
  RefusalResponse,
} from './access/policy.js';
export { forwardAuth } from './access/remote/forward-auth.js';
export type { ForwardAuthOptions } from './access/remote/forward-auth-options.js';
export type { SignedUrlConditions, SignedUrlOptions, UrlSigner } from './access/signed-url.js';
export { createUrlSigner, signed } from './access/signed-url.js';
export type { ConnectionError } from './downstream/connection-errors.js';
export type { ClientRequest, ClientResponse } from './downstream/exchange.js';
export type { ErrorCode, ErrorSource, Outcome, SluicewayErrorOptions } from './errors.js';
export { SluicewayError } from './errors.js';
export type { Digest, DigestAlgorithm } from './http/digest.js';
export type { ReadonlyFields } from './http/fields.js';
export { Fields } from './http/fields.js';
export type { BaseTarget } from './http/target.js';
export type { BlockOptions, LimitControl } from './limits/control.js';
export type { KeyFunction, LimitBy, LimitedRequest } from './limits/keys.js';
export type {
  ByteQuotaOptions,
  LimitExceptOptions,
  LimitMatchOptions,
  LimitQueueOptions,
  LimitRuleOptions,
  LimitTimeOptions,
  RequestRateOptions,
} from './limits/rule-options.js';
export type { RuleUsage } from './limits/rule-totals.js';
export type { BlockedKey, KeyUsage, RuleStatus, UsageOptions } from './limits/usage.js';
export type { ClientCertificate } from './net/client-certificate.js';
export type { Destination } from './net/destination.js';
export type { ForwardedClient } from './net/forwarded-client.js';
export type { ResolvedAddress, Resolver, ServiceRecord } from './net/resolver.js';
export type { LogMembers } from './observe/transfer-log.js';
export { formatTransferCombined, formatTransferJson, formatTransferText } from './observe/transfer-log.js';
export type { OptionProblem } from './options/checker.js';
export { OptionsError } from './options/checker.js';
export { createProxy } from './proxy/create-proxy.js';
export { createUpstreamGroup } from './proxy/create-upstream-group.js';
export type { DownstreamRequest } from './proxy/messages/downstream-request.js';
export type { HandleContext, KnownClient } from './proxy/messages/handle-context.js';
export type { Handler } from './proxy/messages/handler.js';
export type {
  ChangesContent,
  Hooks,
  RequestMessages,
  RequestTransform,
  ResponseMessages,
  ResponseTransform,
  Transform,
} from './proxy/messages/hooks.js';
export type {
  Answer,
  DownstreamResponseDraft,
  UpstreamChoice,
  UpstreamResponse,
} from './proxy/messages/responses.js';
export type { UpstreamRequest, UpstreamRequestDraft } from './proxy/messages/upstream-request.js';
export type { AttachOptions, NodeServer } from './proxy/mount/attach.js';
export { attach } from './proxy/mount/attach.js';
export type { MountOptions } from './proxy/mount/not-found.js';
export { streamFrom } from './proxy/mount/stream-from.js';
export type { FileUrl, StreamCallOptions, Streamer } from './proxy/mount/streamer.js';
export { createStreamer } from './proxy/mount/streamer.js';
export type { StreamFromOptions } from './proxy/mount/streamer-options.js';
export { mount, stripPrefix } from './proxy/mount/strip-prefix.js';
export type { CookieOptions } from './proxy/options/cookie-options.js';
export type { CorsOptions } from './proxy/options/cors-options.js';
export type { DigestOptions, SidecarOptions } from './proxy/options/digest-options.js';
export type { DnsOptions } from './proxy/options/dns-options.js';
export type {
  MoveOptions,
  PassiveHealthOptions,
  RetryOptions,
} from './proxy/options/failover-options.js';
export type { UpstreamGroupOptions } from './proxy/options/group-options.js';
export type {
  ForwardedOptions,
  HeaderOptions,
  HeaderRuleOptions,
} from './proxy/options/header-options.js';
export type { HealthOptions } from './proxy/options/health-options.js';
export type { Profile } from './proxy/options/profiles.js';
export { passThrough, thirdParty } from './proxy/options/profiles.js';
export type { ProxyOptions } from './proxy/options/proxy-options.js';
export type { RequestIdOptions } from './proxy/options/request-id-option.js';
export type { ExpiredTarget, ResumeOptions } from './proxy/options/resume-options.js';
export type { LimitOptions, TimeoutOptions } from './proxy/options/timeout-options.js';
export type { ConnectionOptions, UpstreamOptions } from './proxy/options/upstream-options.js';
export type { UpstreamTlsOptions } from './proxy/options/upstream-tls.js';
export type { ReverseProxy } from './proxy/proxy.js';
export type {
  RunningTransfer,
  TransferChanges,
  TransferWatcher,
  WaitingFor,
  WatchOptions,
} from './proxy/transfer/running-transfer.js';
export type { TracedRequest, Tracing, TransferTrace } from './proxy/transfer/tracing.js';
export type { LiveTransfer, Observer, TransferRecord } from './proxy/transfer/transfer-record.js';
export type { ChunkSink, ChunkSource } from './stream/chunk-source.js';
export type { Tunnel } from './stream/tunnel.js';
export type { Duration, Size } from './units.js';
export { formatBytes, formatDuration, parseBytes, parseDurationMs } from './units.js';
export type { BalanceFunction } from './upstream/group/choose/choose.js';
export type { BalancedRequest } from './upstream/group/choose/hash-key.js';
export type { UpstreamGroup } from './upstream/group/group.js';
export type { EjectionReason, ServerState, UpstreamServer } from './upstream/group/server.js';
export type { ServerOptions } from './upstream/group/server-settings.js';
export type { Target } from './upstream/target.js';
export type {
  Exchange,
  InterimResponse,
  RequestContent,
  Transport,
  TransportRequest,
  TransportResponse,
} from './upstream/transport.js';
