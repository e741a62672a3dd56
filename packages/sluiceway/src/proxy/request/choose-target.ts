import { SluicewayError, toSluicewayError } from '../../errors.js';
import { toTarget } from '../../upstream/target.js';
import type { DownstreamRequest } from '../messages/downstream-request.js';
import type { HandleContext } from '../messages/handle-context.js';
import { runHook } from '../messages/hooks.js';
import type { Plan } from '../messages/plan.js';
import type { Answer, UpstreamChoice } from '../messages/responses.js';
import type { UpstreamRequestDraft } from '../messages/upstream-request.js';
import type { ProxySettings } from '../options/proxy-settings.js';
import type { Transfer } from '../transfer/transfer.js';

/** Asks the planner of a gateway, or the hook `onRequest`, for the target. Undefined: neither has chosen one. */
export async function chooseTarget(
  { hooks, planner }: Pick<ProxySettings, 'hooks' | 'planner'>,
  downstream: DownstreamRequest,
  transfer: Transfer,
): Promise<Answer | Plan | UpstreamChoice | undefined> {
  if (planner !== null) return planner.plan(downstream, transfer);
  return hooks.onRequest && runHook(hooks.onRequest, downstream);
}

/** Sets the target of the upstream request: the chosen one, the URL of the context, or the configured upstream. */
export function setTarget(
  upstream: UpstreamRequestDraft,
  choice: Plan | UpstreamChoice | undefined,
  { url, mirrors = [], digest }: HandleContext,
  settings: Pick<ProxySettings, 'upstream' | 'mirrors' | 'digest'>,
): void {
  try {
    if (choice !== undefined && 'judge' in choice) {
      upstream.aimAt(choice.target, choice.mirrors);
      upstream.digest = choice.digest;
      for (const [name, value] of Object.entries(choice.requestFields)) upstream.fields.set(name, value);
    } else if (choice !== undefined) upstream.setTarget(choice.upstream);
    else if (url !== undefined) upstream.aimAt(toTarget(url), mirrors.map(toTarget));
    else if (settings.upstream !== null) upstream.joinTo(settings.upstream, settings.mirrors);
    else
      throw new SluicewayError('proxy_configuration_error', 'There is no upstream, and onRequest chose none');
  } catch (error) {
    // The URL of `streamFrom` usually comes from the client.
    throw toSluicewayError(error, url === undefined ? 'proxy_configuration_error' : 'http_request_error');
  }
  if (digest !== undefined || settings.digest !== null) upstream.digest = digest ?? settings.digest;
}
