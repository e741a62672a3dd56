import { HttpException, Logger } from '@nestjs/common';
import type { Outcome } from '../../errors.js';
import { isMountPoint, type PathPrefix, parsePathPrefix, stripTargetPrefix } from '../../http/prefix.js';
import { Checker } from '../../options/checker.js';
import { createProxy } from '../../proxy/create-proxy.js';
import type { HandleContext } from '../../proxy/messages/handle-context.js';
import type { Handler } from '../../proxy/messages/handler.js';
import { toStreamer } from '../../proxy/mount/stream-from.js';
import { createStreamer, type FileUrl, type Streamer } from '../../proxy/mount/streamer.js';
import type { StreamFromOptions } from '../../proxy/mount/streamer-options.js';
import type { ProxyOptions } from '../../proxy/options/proxy-options.js';
import { completeInjected, type OwnContext, serveReply } from '../fastify/fastify-reply.js';
import { type AdapterOptions, guardResponse, isClosable, resolveAdapter, serve } from '../shared/adapter.js';
import { FrameworkError } from '../shared/framework-error.js';
import { keepOwnFields } from '../shared/own-fields.js';
import { restoreContent } from '../shared/parsed-body.js';
import { findClient, originalTarget, toFastifyPair, toNodeRequest, toNodeResponse } from './nest-platform.js';
import type { NestRequest, PlatformRequest, PlatformResponse } from './nest-request.js';

/** Options of the module beside those of what it serves. */
export interface NestModuleOptions extends AdapterOptions {
  /**
   * Where the handler is mounted as middleware, as it stands in URLs: with a global prefix. Guards do not apply there,
   * middleware does. Default: nowhere; a controller calls `SluicewayService.handle`.
   */
  path?: string;
}

/** What to serve, or the options of `createProxy` for a proxy of the module's own. */
export type SluicewayModuleOptions = NestModuleOptions &
  ({ handler: Handler<NestRequest> } | ({ handler?: undefined } & ProxyOptions<NestRequest>));

/** How a controller wants a request to be served. */
export interface NestHandleOptions {
  /** The path of the controller as it stands in URLs, which the handler does not see. Default: it sees all of it. */
  path?: string;
}

/**
 * What a `SluicewayModule` gives to controllers. Its methods answer the request; on a failure before the response they
 * reject with an `HttpException`, whose `cause` is the `SluicewayError`, for exception filters.
 */
export class SluicewayService {
  /** What the module serves: for `attachUpgrades`. */
  readonly handler: Handler<NestRequest>;
  /** Where it is mounted as middleware; null: nowhere. */
  readonly path: string | null;
  readonly #errors: 'throw' | 'answer';
  readonly #reusesParsedBody: boolean;
  /** For `streamFrom` without options. */
  readonly #streamer: Streamer<NestRequest> = createStreamer<NestRequest>();
  readonly #logger = new Logger('Sluiceway');

  /** Throws an `OptionsError`. */
  constructor(options: SluicewayModuleOptions) {
    const { handler, path, reuseParsedBody, ...others } = options;
    const check = new Checker('SluicewayModule');
    this.path = check.parsed('path', path, null, parsePathPrefix);
    const proxyOptions: ProxyOptions<NestRequest> = others;
    if (handler !== undefined) check.unknownKeys('', proxyOptions, ['errors']);
    check.throwIfAny();
    this.handler = handler ?? createProxy<NestRequest>(proxyOptions);
    const { errors } = proxyOptions;
    const settings = resolveAdapter('SluicewayModule', this.handler, {
      ...(errors !== undefined && { errors }),
      ...(reuseParsedBody !== undefined && { reuseParsedBody }),
    });
    this.#errors = settings.errors;
    this.#reusesParsedBody = settings.reusesParsedBody;
  }

  /** Answers by what the module serves: `@All('{*path}') get(@Req() req, @Res() res) { return this.files.handle(req, res); }` */
  async handle(
    request: PlatformRequest,
    response: PlatformResponse,
    { path }: NestHandleOptions = {},
  ): Promise<void> {
    const mountPath = path === undefined ? '' : parsePathPrefix(path);
    const place = locate(request, mountPath);
    if (place === null) throw new HttpException('There is nothing at this path.', 404);
    await this.#serve(request, response, place);
  }

  /**
   * Answers with the file at `url`, as `streamFrom` of `sluiceway` does. `options` can be what `createStreamer` returned:
   * its options are checked when the application starts, and it can be closed.
   */
  async streamFrom(
    request: PlatformRequest,
    response: PlatformResponse,
    url: FileUrl,
    options: StreamFromOptions<NestRequest> | Streamer<NestRequest> = this.#streamer,
  ): Promise<void> {
    const { errors = 'throw' } = options;
    const [node, answer] = [toNodeRequest(request), toNodeResponse(response)];
    await this.#answer(request, response, { errors }, (context) =>
      guardResponse(node, answer, async () => toStreamer(options).handle(node, answer, url, context)),
    );
  }

  /** The middleware that the module applies: answers what is below its path, and goes on with anything else. */
  readonly use = async (
    request: PlatformRequest,
    response: PlatformResponse,
    next: () => void,
  ): Promise<void> => {
    const place = locate(request, this.path ?? '');
    if (place === null) next();
    else await this.#serve(request, response, place);
  };

  /** Running transfers may end, and new requests get 503; WebSockets are closed. */
  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all([this.#streamer.close(), isClosable(this.handler) && this.handler.close()]);
  }

  async #serve(request: PlatformRequest, response: PlatformResponse, place: Place): Promise<void> {
    const { handler } = this;
    const [node, answer] = [toNodeRequest(request), toNodeResponse(response)];
    const { body } = request as Partial<NestRequest>;
    const content = this.#reusesParsedBody ? restoreContent(node, body) : undefined;
    const context = { ...place, errors: this.#errors, ...(content !== undefined && { content }) };
    await this.#answer(request, response, context, (known) => serve(handler, node, answer, known));
  }

  async #answer(
    request: PlatformRequest,
    response: PlatformResponse,
    context: OwnContext,
    respond: (context: HandleContext<NestRequest>) => Promise<Outcome>,
  ): Promise<void> {
    try {
      const pair = toFastifyPair(request, response);
      if (pair !== null) {
        await serveReply(pair.request, pair.reply, context, respond);
        return;
      }
      completeInjected(toNodeRequest(request), toNodeResponse(response));
      const client = findClient(request);
      // The platform has put into it what a `NestRequest` has.
      const known = request as NestRequest;
      const onHead: HandleContext['onHead'] = ({ headers }) =>
        keepOwnFields(toNodeResponse(response), headers);
      await respond({ ...context, context: known, onHead, ...(client !== null && { client }) });
    } catch (error) {
      throw error instanceof FrameworkError ? this.#toException(error, response) : error;
    }
  }

  /** Exception filters know no other errors that have a status; by default they answer with no more than its message. */
  #toException(error: FrameworkError, response: PlatformResponse): HttpException {
    const { status, code, message, headers, cause } = error;
    for (const [name, value] of Object.entries(headers)) toNodeResponse(response).setHeader(name, value);
    // Nest logs only what no exception is made of.
    if (status >= 500) this.#logger.error(`${code}: ${cause instanceof Error ? cause.message : message}`);
    return new HttpException(message, status, { cause });
  }
}

type Place = Pick<HandleContext, 'target' | 'mountPath' | 'isMountPoint'>;

/** Null where the request is not for what is below the path. */
function locate(request: PlatformRequest, mountPath: PathPrefix): Place | null {
  const whole = originalTarget(request);
  const target = stripTargetPrefix(whole, mountPath);
  return target === null ? null : { target, mountPath, isMountPoint: isMountPoint(whole, mountPath) };
}
