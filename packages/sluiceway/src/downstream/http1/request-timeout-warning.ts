import type { IncomingMessage } from 'node:http';

let warned = false;

/** Warns about `requestTimeout`: Node's server silently ends every request that takes longer, by default 5 minutes. */
export function warnOfRequestTimeout(request: IncomingMessage): void {
  const { server }: { server?: { requestTimeout?: number } } = request.socket as object;
  if (warned || (server?.requestTimeout ?? 0) === 0) return;
  warned = true;
  process.emitWarning(
    'The server ends uploads that take longer than its requestTimeout: set it to 0, or use attach(server, proxy)',
    'SluicewayRequestTimeoutWarning',
  );
}
