import type { ClientExchange } from '../../downstream/exchange.js';
import { mapDestination, mapIfTags, type OwnPlace, type UpstreamPlace } from '../../http/destination.js';
import type { ReadonlyFields } from '../../http/fields.js';
import { forwardedPrefix } from '../../http/forwarded.js';
import { joinTarget, parseRequestTarget } from '../../http/target.js';
import type { DownstreamRequest } from '../messages/downstream-request.js';
import type { UpstreamRequestDraft } from '../messages/upstream-request.js';

/**
 * Rewrites the URLs in a WebDAV request's `Destination` and `If` to URLs of the origin server: the reverse of what
 * `headers.location` does with responses. Runs after the hook, which may choose another upstream. A field that a rule
 * or the hook has changed stays as it is.
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

/** Whether the field exists and is as the client sent it. */
function isAsSent(name: string, fields: ReadonlyFields, sent: ReadonlyFields): boolean {
  if (!fields.has(name)) return false;
  const lines = sent.getAll(name);
  return fields.getAll(name).every((line, i) => line === lines[i]);
}

/**
 * Whether code before the proxy has changed the path beyond removing the mount path. If so, the proxy cannot know how
 * that code would change another path. `url` lacks what a framework has removed; `path` lacks the whole mount path.
 */
function isRewritten(url: string, { path, mountPath }: DownstreamRequest): boolean {
  const asked = withoutSlash(parseRequestTarget(url).path);
  const rest = withoutSlash(path);
  return !asked.endsWith(rest) || !(mountPath + rest).endsWith(asked);
}

const withoutSlash = (path: string): string => path.replace(/\/$/, '');

/** Null if the target is not the upstream joined with the client's path: then other paths cannot be mapped. */
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
