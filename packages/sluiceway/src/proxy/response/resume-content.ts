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

/** Decides whether the content of a response is continued where it breaks: if its rest can be proved to be the rest. */
export function decideResume(
  { transfer, downstream, digest, stages }: RequestState,
  { start, sent: { target, request, response }, mirrors, send }: ReceivedResponse,
  {
    resume,
    transport,
    timeouts,
    digests,
  }: Pick<ProxySettings, 'resume' | 'transport' | 'timeouts' | 'digests'>,
): void {
  if (resume === null) return;
  const { refreshTarget } = resume;
  const { verification } = stages;
  // All of the content is verified before its end is shown, wherever it comes from.
  const proof = digest === null ? resume.proof : 'digest';
  const part = toResumePoint(request, response, proof);
  if (part === null) return;
  // Files of one length and date are not the same for that, where servers differ.
  const isProvable = proof !== 'validator' || (part.validator !== null && isPortable(part.validator));
  const isWhole = part.start === 0 && part.end === part.total;
  // Hooks may change the head until content breaks, if it ever does.
  const head = digests.verifies && mayGiveDigest(response.headers) ? response.headers.clone() : null;
  // A redirect that has made a GET of another method is never walked again.
  const begin = start.request.method === 'GET' ? start : { target, request };
  const makeFinder = (): RangeRetrier => {
    const verifier = digests.verifies ? new RestVerifier(verification, isWhole, head) : null;
    return new RangeRetrier({
      transport,
      settings: resume,
      part,
      proof,
      route: new ResumeTargets(
        begin,
        { target, request },
        isProvable ? mirrors : [],
        send.secretFields?.() ?? [],
      ),
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
      onBroken: () => transfer.timeouts.contentBroken(),
      onResumed: () => {
        transfer.resumes += 1;
        transfer.timeouts.contentGoesOn();
      },
    });
  };
  const needsTrailers = verification !== null && verification.trailers.length > 0;
  stages.resume = { part, makeFinder, needsTrailers };
}
