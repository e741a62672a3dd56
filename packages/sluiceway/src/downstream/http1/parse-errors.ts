import type { EventEmitter } from 'node:events';

/** Servers whose parse errors the proxy answers. */
export const answeredServers = new WeakSet<EventEmitter>();

/** Whether only the proxy handles parse errors of the server. */
export const answersParseErrors = (server: EventEmitter): boolean =>
  answeredServers.has(server) && server.listenerCount('clientError') === 1;
