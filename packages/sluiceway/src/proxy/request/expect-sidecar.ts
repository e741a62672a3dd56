import { toSluicewayError } from '../../errors.js';
import { parseSidecar, type SidecarLocation } from '../../http/sidecar.js';
import { hasSidecar, type SidecarResult } from '../../sidecar/sidecar-reader.js';
import type { UpstreamRequestDraft } from '../messages/upstream-request.js';
import type { ProxySettings } from '../options/proxy-settings.js';
import type { RequestState } from './request-state.js';
import { secretFields } from './secret-fields.js';
import { loopMarker, toMirrors } from './send-upstream.js';
import type { ValidRequest } from './validate-request.js';

type SidecarSettings = Pick<ProxySettings, 'sidecars' | 'digests' | 'profile' | 'loopName'>;

/**
 * Reads the digest of the requested file from its checksum file, if there is one and the application has given no digest.
 * If it cannot be read and is required, a successful response is refused later, when it is known that there is a file.
 * Null: there is nothing to wait for.
 */
export function expectSidecar(
  state: RequestState,
  validated: ValidRequest,
  upstream: UpstreamRequestDraft,
  settings: SidecarSettings,
): Promise<void> | null {
  const location = locationFor(state, settings.digests.sidecar);
  if (location === null || upstream.digest !== null || validated.protocol !== null) return null;
  if ((upstream.method !== 'GET' && upstream.method !== 'HEAD') || !hasSidecar(location, upstream.target))
    return null;
  return readSidecar(state, validated, upstream, location, settings);
}

async function readSidecar(
  state: RequestState,
  { downstream }: ValidRequest,
  upstream: UpstreamRequestDraft,
  location: SidecarLocation,
  { sidecars, profile, loopName }: SidecarSettings,
): Promise<void> {
  const { selection, transfer } = state;
  const reading = sidecars.read({
    location,
    targets: [upstream.target, ...toMirrors(upstream)],
    headers: upstream.headers,
    send: {
      maxRedirects: profile.maxRedirects,
      secretFields: () => secretFields(state, upstream.headers),
      ...(!profile.forwarded && { markLoop: loopMarker(downstream, loopName) }),
      ...(selection?.check !== undefined && { check: (target) => selection.check?.(target) ?? null }),
    },
  });
  const result = await new Promise<SidecarResult>((resolve, reject) => {
    transfer.onAborted(reject);
    void reading.then(resolve);
  });
  state.sidecar = result;
  if (!('listed' in result)) return;
  const { digest, size } = result.listed;
  upstream.digest = digest;
  upstream.size ??= size;
}

/** The location of the request's context, or else of the selection (a link's), or else of the options. */
function locationFor(
  { context, selection }: RequestState,
  ofOptions: SidecarLocation | null,
): SidecarLocation | null {
  const { digestSidecar } = context;
  if (digestSidecar === undefined) return selection?.digestSidecar ?? ofOptions;
  try {
    return parseSidecar(digestSidecar);
  } catch (error) {
    throw toSluicewayError(error);
  }
}
