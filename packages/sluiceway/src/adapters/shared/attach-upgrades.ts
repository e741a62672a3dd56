import type { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { watchParseErrors } from '../../downstream/http1/http1-connection.js';
import { parsePathPrefix, stripTargetPrefix } from '../../http/prefix.js';
import { Checker } from '../../options/checker.js';
import type { Handler } from '../../proxy/messages/handler.js';
import { guard } from '../../proxy/mount/attach.js';
import { checkHandler } from '../../proxy/mount/handler.js';
import { stripPrefix } from '../../proxy/mount/strip-prefix.js';

export interface UpgradeOptions {
  /**
   * The path under which upgrades are served, such as the handler's mount path. It is removed, as by `stripPrefix`.
   * Other listeners of the server handle upgrades at other paths. Default: all upgrades, with their path unchanged.
   */
  path?: string;
}

/**
 * Serves WebSockets and other upgrades on the server of a framework. They bypass the framework's handlers, including
 * authentication middleware, so use the option `access` of the proxy. Sets the server's `requestTimeout` to 0, because
 * it would end long uploads. Throws an `OptionsError` if the arguments are not a server and a handler.
 */
export function attachUpgrades(
  server: EventEmitter & { requestTimeout?: number },
  handler: Handler,
  options: UpgradeOptions = {},
): void {
  const check = new Checker('attachUpgrades');
  if (typeof server?.on !== 'function')
    check.problem('server', 'must be a server of node:http or node:https');
  checkHandler(check, 'handler', handler);
  const { path } = check.group('', options, ['path']);
  const prefix = check.parsed('path', path, '', parsePathPrefix);
  check.throwIfAny();
  const served = prefix === '' ? handler : stripPrefix(prefix, handler);
  server.requestTimeout = 0;
  watchParseErrors(server);
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const isOurs = stripTargetPrefix(request.url ?? '', prefix) !== null;
    // If there is no other listener, other upgrades are answered too; otherwise their sockets would stay open.
    if (isOurs || server.listenerCount('upgrade') === 1)
      guard(socket, () => served.upgrade(request, socket, head));
  });
}
