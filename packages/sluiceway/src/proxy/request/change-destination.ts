import type { ClientExchange } from '../../downstream/exchange.js';
import { mapDestination, mapIfTags, type OwnPlace, type UpstreamPlace } from '../../http/destination.js';
import type { ReadonlyFields } from '../../http/fields.js';
import { forwardedPrefix } from '../../http/forwarded.js';
import { joinTarget, parseRequestTarget } from '../../http/target.js';
import type { DownstreamRequest } from '../messages/downstream-request.js';
import type { UpstreamRequestDraft } from '../messages/upstream-request.js';

/**
 * Makes the places that a WebDAV client names beside the target of its request places of the origin server: the reverse
 * of what `headers.location` does with responses. This comes after the hook, which may choose another upstream; what a
 * rule or the hook has changed of a field is left alone.
 */
export function changeDestination(
  upstream: UpstreamRequestDraft,
  downstream: DownstreamRequest,
  { url }: Pick<ClientExchange, 'url'>,
): void {
  const { headers } = upstream;
  const hasDestination = isAsSent('destination', headers, downstream.headers);
  const hasIf = isAsSent('if', headers, downstream.headers);
  if ((!hasDestination && !hasIf) || isRewritten(url, downstream)) return;
  const to = toUpstreamPlace(upstream, downstream);
  if (to === null) return;
  const own = toOwnPlace(downstream);
  if (hasDestination) headers.rewrite('Destination', (value) => mapDestination(value, own, to) ?? value);
  if (hasIf) headers.rewrite('If', (value) => mapIfTags(value, own, to));
}

/** Whether there is such a field, and it says what the client has said. */
function isAsSent(name: string, fields: ReadonlyFields, sent: ReadonlyFields): boolean {
  if (!fields.has(name)) return false;
  const lines = sent.getAll(name);
  return fields.getAll(name).every((line, i) => line === lines[i]);
}

/**
 * Whether somebody before the proxy has done more to the path than to take the mount path off: nobody knows then what
 * it would do to another one. `url` has lost what a framework has taken off, and `path` all of the mount path.
 */
function isRewritten(url: string, { path, mountPath }: DownstreamRequest): boolean {
  const asked = withoutSlash(parseRequestTarget(url).path);
  const rest = withoutSlash(path);
  return !asked.endsWith(rest) || !(mountPath + rest).endsWith(asked);
}

const withoutSlash = (path: string): string => path.replace(/\/$/, '');

/** Null where the target is not what joining the client's path has made: nobody knows then where another path leads. */
function toUpstreamPlace(
  { joinedTo, path, headers }: UpstreamRequestDraft,
  { path: asked, query, isMountPoint }: DownstreamRequest,
): UpstreamPlace | null {
  if (joinedTo === null) return null;
  const joined = joinTarget(joinedTo, isMountPoint ? null : asked, query);
  if (withoutQuery(path) !== withoutQuery(joined)) return null;
  return { base: joinedTo, host: headers.get('host') ?? joinedTo.host };
}

const withoutQuery = (target: string): string => /^[^?]*/.exec(target)?.[0] ?? '';

function toOwnPlace({ host, forwarded, headers, trusted, mountPath }: DownstreamRequest): OwnPlace {
  const hosts = [forwarded.host, host].filter((each) => each !== null);
  const port = trusted ? headers.list('x-forwarded-port').at(-1) : undefined;
  if (port !== undefined && /^\d{1,5}$/.test(port))
    hosts.push(...hosts.map((each) => `${each.replace(/:\d*$/, '')}:${port}`));
  const outer = trusted ? forwardedPrefix(headers) : '';
  return { hosts, protocol: forwarded.proto, prefix: outer + mountPath };
}
