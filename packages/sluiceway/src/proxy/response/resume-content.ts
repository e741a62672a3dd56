import { mayGiveDigest } from '../../http/digest.js';
import { RangeRetrier } from '../../upstream/resume/range-retrier.js';
import { toResumePoint } from '../../upstream/resume/resume-point.js';
import { ResumeTargets } from '../../upstream/resume/resume-targets.js';
import { isPortable } from '../../upstream/resume/same-file.js';
import { runHook } from '../messages/hooks.js';
import type { ProxySettings } from '../options/proxy-settings.js';
import type { RequestState } from '../request/request-state.js';
import type { ReceivedResponse } from '../request/send-upstream.js';
import { RestVerifier } from './verify-rest.js';

/** Decides whether the content of a response is resumed if it breaks: only if the rest can be proved to belong to it. */
export function decideResume(
  { transfer, downstream, digest, stages, trace }: RequestState,
  { start, sent: { target, request, response }, others, send, transport, balanced }: ReceivedResponse,
  { resume, timeouts, digests }: Pick<ProxySettings, 'resume' | 'timeouts' | 'digests'>,
): void {
  if (resume === null) return;
  const { refreshTarget } = resume;
  const { verification } = stages;
  // With a digest, all of the content is verified before its end is passed on, whichever server it comes from.
  const proof = digest === null ? resume.proof : 'digest';
  const part = toResumePoint(request, response, proof, stages.statedLength);
  if (part === null) return;
  // Files on different servers can have the same length and date, and still differ.
  const isProvable = proof !== 'validator' || (part.validator !== null && isPortable(part.validator));
  if (balanced !== null) balanced.isPortable = isProvable;
  const isWhole = part.start === 0 && part.end === part.total;
  // A copy, since hooks may change the head before the content breaks.
  const head = digests.verifies && mayGiveDigest(response.headers) ? response.headers.clone() : null;
  // If a redirect has changed another method to GET, the first request is not repeated.
  const begin = start.request.method === 'GET' ? start : { target, request };
  const makeFinder = (): RangeRetrier => {
    const verifier = digests.verifies ? new RestVerifier(verification, isWhole, head) : null;
    return new RangeRetrier({
      transport,
      settings: resume,
      part,
      proof,
      route: new ResumeTargets(begin, { target, request }, isProvable ? others(begin) : []),
      send,
      limits: timeouts,
      readDigests: verifier && ((rest, length) => verifier.read(rest, length)),
      refresh:
        refreshTarget === undefined || downstream === null
          ? null
          : ({ base, path }, status) =>
              runHook(refreshTarget, {
                url: `${base.protocol}//${base.host}${path}`,
                status,
                request: downstream,
              }),
      avoidsServer: () => balanced?.isEjected ?? false,
      onBroken: () => {
        balanced?.broke();
        transfer.timeouts.contentBroken();
      },
      onResumed: () => {
        balanced?.settle();
        transfer.resumed();
        trace?.onResume();
        transfer.timeouts.contentGoesOn();
      },
    });
  };
  const needsTrailers = verification !== null && verification.trailers.length > 0;
  stages.resume = { part, makeFinder, needsTrailers };
}
