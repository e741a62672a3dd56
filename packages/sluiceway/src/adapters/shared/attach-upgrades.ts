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
   * The path under which upgrades are taken, such as the one that the handler is mounted at; it is taken off, as
   * `stripPrefix` does. Upgrades at other paths are left to other listeners of the server. Default: all, as they are.
   */
  path?: string;
}

/**
 * Serves WebSockets and other upgrades on the server of a framework, whose handlers they do not pass: middleware
 * for authentication is not asked, so that the option `access` of the proxy has to be. Sets the server's
 * `requestTimeout` to 0, which would end long uploads. Throws an `OptionsError` for what is no server or no handler.
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
    // Where nobody else listens, what is not ours is answered too: the socket would be left open.
    if (isOurs || server.listenerCount('upgrade') === 1)
      guard(socket, () => served.upgrade(request, socket, head));
  });
}
