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

/** Finds out where requests go. What functions of the application's throw rejects. */
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
      throw new SluicewayError('proxy_configuration_error', 'router has named no target');
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
      // What has been rewritten is meant as it is.
      isMountPoint: path === url && isMountPointOf(request),
      errors: 'throw',
      ...(ignorePath === true && { url: target }),
      ...(client !== undefined && { client }),
      ...(content !== undefined && { content }),
    };
  };
}

const NOTHING = Buffer.alloc(0);

/** What Express and Connect add to a request. */
interface MountedRequest {
  url?: string | undefined;
  originalUrl?: string;
  baseUrl?: string;
}

/**
 * Express tells where it has mounted a middleware; Connect leaves the whole path beside what is left of it. At the root
 * the path `/` asks for the target's URL as it is, as in http-proxy-middleware 4.
 */
function isMountPointOf(request: IncomingMessage): boolean {
  const { url, originalUrl, baseUrl }: MountedRequest = request;
  const path = (originalUrl ?? url ?? '').split('?', 1)[0] ?? '';
  if (path === '/' || path === '') return true;
  if (originalUrl === undefined) return false;
  return isMountPoint(originalUrl, baseUrl ?? path) && !path.endsWith('/');
}

/** Of the copy that `router` and `pathRewrite` get, these may be changed for a request. */
const CHANGEABLE: ReadonlySet<string> = new Set(['target', 'headers']);

function refuseChanges(options: object, own: object): void {
  const before: Readonly<Record<string, unknown>> = { ...options };
  for (const [name, value] of Object.entries(own) as [string, unknown][]) {
    if (CHANGEABLE.has(name) || value === before[name]) continue;
    throw new SluicewayError(
      'proxy_configuration_error',
      `router or pathRewrite has changed ${name}: only target and headers can be other ones for a request`,
    );
  }
}
