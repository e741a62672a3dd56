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
import { isCumulative, keepOwnFields } from '../shared/own-fields.js';
import { restoreContent } from '../shared/parsed-body.js';
import { findClient, originalTarget, toFastifyPair, toNodeRequest, toNodeResponse } from './nest-platform.js';
import type { NestRequest, PlatformRequest, PlatformResponse } from './nest-request.js';

/** Options of the module, in addition to those of the handler. */
export interface NestModuleOptions extends AdapterOptions {
  /**
   * The path at which the handler is mounted as middleware, as in URLs, including a global prefix. Guards do not run
   * for it, but middleware does. Default: not mounted; call `SluicewayService.handle` in a controller.
   */
  path?: string;
}

/** What to serve, or the options of `createProxy` for a new proxy. */
export type SluicewayModuleOptions = NestModuleOptions &
  ({ handler: Handler<NestRequest> } | ({ handler?: undefined } & ProxyOptions<NestRequest>));

/** Options of a call in a controller. */
export interface NestHandleOptions {
  /** The path of the controller as in URLs. It is removed before the handler sees the path. Default: not removed. */
  path?: string;
}

/**
 * The service that a `SluicewayModule` provides for controllers. Its methods answer the request. On a failure before
 * the response they reject with an `HttpException` for exception filters, with the `SluicewayError` as `cause`.
 */
export class SluicewayService {
  /** The handler of the module, for `attachUpgrades`. */
  readonly handler: Handler<NestRequest>;
  /** The path at which it is mounted as middleware. Null if it is not mounted. */
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

  /**
   * Answers with the handler of the module: `@All('{*path}') get(@Req() req, @Res() res) { return
   * this.files.handle(req, res); }`
   */
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
   * Answers with the file at `url`, like `streamFrom` of `sluiceway`. `options` can be the result of `createStreamer`:
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
      guardResponse(node, answer, context, async (known) =>
        toStreamer(options).handle(node, answer, url, known),
      ),
    );
  }

  /** The module's middleware. Answers requests under its path, and passes on others. */
  readonly use = async (
    request: PlatformRequest,
    response: PlatformResponse,
    next: () => void,
  ): Promise<void> => {
    const place = locate(request, this.path ?? '');
    if (place === null) next();
    else await this.#serve(request, response, place);
  };

  /** Waits for running transfers. New requests get 503, and WebSockets are closed. */
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
      // The platform has added the members of `NestRequest`.
      const known = request as NestRequest;
      const onHead: HandleContext['onHead'] = ({ headers }) =>
        keepOwnFields(toNodeResponse(response), headers);
      await respond({ ...context, context: known, onHead, ...(client !== null && { client }) });
    } catch (error) {
      throw error instanceof FrameworkError ? this.#toException(error, response) : error;
    }
  }

  /** Exception filters read the status only of this type. By default they answer with its message only. */
  #toException(error: FrameworkError, response: PlatformResponse): HttpException {
    const { status, code, message, headers, cause } = error;
    const answer = toNodeResponse(response);
    for (const [name, value] of Object.entries(headers)) {
      if (isCumulative(name)) answer.appendHeader(name, value);
      else answer.setHeader(name, value);
    }
    // Nest logs only exceptions that are not an `HttpException`.
    if (status >= 500) this.#logger.error(`${code}: ${cause instanceof Error ? cause.message : message}`);
    return new HttpException(message, status, { cause });
  }
}

type Place = Pick<HandleContext, 'target' | 'mountPath' | 'isMountPoint'>;

/** Returns null if the request is not under the path. */
function locate(request: PlatformRequest, mountPath: PathPrefix): Place | null {
  const whole = originalTarget(request);
  const target = stripTargetPrefix(whole, mountPath);
  return target === null ? null : { target, mountPath, isMountPoint: isMountPoint(whole, mountPath) };
}
