import type { IncomingMessage, ServerResponse } from 'node:http';
import { SluicewayError } from '../../errors.js';
import { isMountPoint } from '../../http/prefix.js';
import type { HandleContext } from '../../proxy/messages/handle-context.js';
import { type ExpressRequest, findClient } from '../express/express.js';
import { isContentRead, restoreContent } from '../shared/parsed-body.js';
import type { CompatOptions } from './options.js';
import type { CompatContext } from './proxy-options.js';
import { compilePathRewrite, findTarget, toPath, toTargetUrl } from './targets.js';

type Routed<Request, Response> = HandleContext<CompatContext<Request, Response>> & {
  context: CompatContext<Request, Response>;
};

/** Determines the target of requests. Rejects with errors of the application's functions. */
export function toRoute<Request extends IncomingMessage, Response extends ServerResponse>(
  options: CompatOptions<Request, Response>,
): (request: Request, response: Response | null) => Promise<Routed<Request, Response>> {
  const { on = {}, ignorePath } = options;
  const reusesParsedBody = options.reuseParsedBody === true;
  const rewrite = compilePathRewrite(options.pathRewrite ?? undefined);
  return async (request, response) => {
    const own = { ...options };
    const url = toPath(request.url ?? '/');
    const routed = await findTarget(options.router, request, response ?? undefined, own);
    const path = await rewrite(url, request, response ?? undefined, own);
    refuseChanges(options, own);
    const target = routed ?? (own.target === undefined ? undefined : toTargetUrl(own.target));
    if (target === undefined)
      throw new SluicewayError('proxy_configuration_error', 'router has returned no target');
    const { body }: { body?: unknown } = request as object;
    const isRead = isContentRead(request);
    const awaitsContent = isRead && !reusesParsedBody && on.proxyReq !== undefined;
    const content = awaitsContent ? NOTHING : reusesParsedBody ? restoreContent(request, body) : undefined;
    const client = 'app' in request ? findClient(request as unknown as ExpressRequest) : undefined;
    return {
      context: {
        request,
        response,
        target,
        headers: own.headers === options.headers ? null : own.headers,
        awaitsContent,
        proxyRequest: null,
      },
      target: path,
      mountPath: 'baseUrl' in request && typeof request.baseUrl === 'string' ? request.baseUrl : '',
      // A rewritten path is used as it is.
      isMountPoint: path === url && isMountPointOf(request),
      errors: 'throw',
      ...(ignorePath === true && { url: target }),
      ...(client !== undefined && { client }),
      ...(content !== undefined && { content }),
    };
  };
}

const NOTHING = Buffer.alloc(0);

/** Properties that Express and Connect add to a request. */
interface MountedRequest {
  url?: string | undefined;
  originalUrl?: string;
  baseUrl?: string;
}

/**
 * Express reports the mount path of a middleware. Connect keeps the whole path beside the remaining one. At the root,
 * the path `/` requests the target's URL as it is, as in http-proxy-middleware 4.
 */
function isMountPointOf(request: IncomingMessage): boolean {
  const { url, originalUrl, baseUrl }: MountedRequest = request;
  const path = (originalUrl ?? url ?? '').split('?', 1)[0] ?? '';
  if (path === '/' || path === '') return true;
  if (originalUrl === undefined) return false;
  return isMountPoint(originalUrl, baseUrl ?? path) && !path.endsWith('/');
}

/** `router` and `pathRewrite` may change these options in their copy, for one request. */
const CHANGEABLE: ReadonlySet<string> = new Set(['target', 'headers']);

function refuseChanges(options: object, own: object): void {
  const before: Readonly<Record<string, unknown>> = { ...options };
  for (const [name, value] of Object.entries(own) as [string, unknown][]) {
    if (CHANGEABLE.has(name) || value === before[name]) continue;
    throw new SluicewayError(
      'proxy_configuration_error',
      `router or pathRewrite has changed ${name}: only target and headers can differ per request`,
    );
  }
}
