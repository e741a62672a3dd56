import type { EventEmitter } from 'node:events';

/** Servers of which we answer what is no request. */
export const answeredServers = new WeakSet<EventEmitter>();

/** Whether nobody else is told of what a server's parser finds. */
export const answersParseErrors = (server: EventEmitter): boolean =>
  answeredServers.has(server) && server.listenerCount('clientError') === 1;
