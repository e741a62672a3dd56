import type { ClientExchange } from '../../downstream/exchange.js';
import { isMountPoint, parsePathPrefix, stripTargetPrefix } from '../../http/prefix.js';
import { Checker } from '../../options/checker.js';
import type { HandleContext } from '../messages/handle-context.js';
import type { Handler } from '../messages/handler.js';
import { checkHandler } from './handler.js';
import { createNotFound, type MountOptions } from './not-found.js';

/**
 * Serves the paths under `prefix` with `handler`, which sees them without the prefix. With `/files`, a request for
 * `/files/a%2Fb?c` becomes one for `/a%2Fb?c`. `/files` becomes `/` and requests the upstream's path without a slash
 * after it. Any other path gets 404. Whole segments are compared, byte for byte, without decoding. The request object
 * is not changed.
 *
 * Throws an `OptionsError` if the prefix is not a path.
 */
export function stripPrefix(prefix: string, handler: Handler, options: MountOptions = {}): Handler {
  const check = new Checker('stripPrefix');
  check.required('prefix', prefix);
  const checked = check.parsed('prefix', prefix, '', parsePathPrefix);
  checkHandler(check, 'handler', handler);
  check.throwIfAny();
  const notFound = createNotFound(options);
  const serve = handler.serve?.bind(handler);
  return {
    listensOn: (address, port) => handler.listensOn?.(address, port),
    ...(serve && {
      serve(client: ClientExchange, context: HandleContext = {}) {
        const stripped = strip(client.url, checked, context);
        return stripped === null ? notFound.serve(client, context) : serve(client, stripped);
      },
    }),
    handle(request, response, context = {}) {
      const stripped = strip(request.url, checked, context);
      if (stripped === null) return notFound.handle(request, response, context);
      return handler.handle(request, response, stripped);
    },
    upgrade(request, socket, head, context = {}) {
      const stripped = strip(request.url, checked, context);
      if (stripped === null) return notFound.upgrade(request, socket, head, context);
      return handler.upgrade(request, socket, head, stripped);
    },
  };
}

/**
 * Serves several handlers on one server, each under its prefix. The longest matching prefix, in whole segments,
 * applies. `'/'` matches all other paths; without it, they get 404. The handlers see whole paths: combine with
 * `stripPrefix` to remove the prefix.
 *
 * `mount({ '/files': stripPrefix('/files', files), '/': site })`
 *
 * Throws an `OptionsError` that lists every problem.
 */
export function mount(routes: Readonly<Record<string, Handler>>, options: MountOptions = {}): Handler {
  const check = new Checker('mount');
  check.required('', routes);
  const mounted = Object.entries(routes ?? {}).map(([path, handler]) => {
    checkHandler(check, path, handler);
    return { prefix: check.parsed(path, path, '', parsePathPrefix), handler };
  });
  const prefixes = mounted.map(({ prefix }) => prefix);
  for (const prefix of new Set(prefixes)) {
    if (prefixes.indexOf(prefix) !== prefixes.lastIndexOf(prefix)) check.problem(prefix, 'appears twice');
  }
  check.throwIfAny();
  const notFound = createNotFound(options);
  // Longer prefixes are tried before their own prefixes.
  mounted.sort((a, b) => b.prefix.length - a.prefix.length);

  const find = (url: string | undefined, context: HandleContext): Handler => {
    const target = context.target ?? url ?? '';
    return mounted.find(({ prefix }) => stripTargetPrefix(target, prefix) !== null)?.handler ?? notFound;
  };
  const servesAny = mounted.every(({ handler }) => handler.serve !== undefined);
  return {
    ...(servesAny && {
      serve: (client: ClientExchange, context: HandleContext = {}) =>
        find(client.url, context).serve?.(client, context) ?? notFound.serve(client, context),
    }),
    listensOn: (address, port) => {
      for (const { handler } of mounted) handler.listensOn?.(address, port);
    },
    handle: (request, response, context = {}) =>
      find(request.url, context).handle(request, response, context),
    upgrade: (request, socket, head, context = {}) =>
      find(request.url, context).upgrade(request, socket, head, context),
  };
}

function strip(url: string | undefined, prefix: string, context: HandleContext): HandleContext | null {
  const whole = context.target ?? url ?? '';
  const target = stripTargetPrefix(whole, prefix);
  if (target === null) return null;
  return {
    ...context,
    target,
    mountPath: (context.mountPath ?? '') + prefix,
    // An empty prefix removes nothing.
    isMountPoint: prefix === '' ? context.isMountPoint === true : isMountPoint(whole, prefix),
  };
}
