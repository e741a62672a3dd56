import type { ConfigSource } from '../config/source.js';
import { ListenError, parseListenAddress } from '../listeners/address.js';
import { WorkerFailure } from './worker-source.js';

/** Words the failure of a worker as this process would word its own. Returns any other error as it is. */
export function toError(error: unknown, source: ConfigSource): unknown {
  if (!(error instanceof WorkerFailure)) return error;
  const { failure } = error;
  if (failure.kind === 'problems') return source.toError(failure.problems);
  const listenError = new ListenError(parseListenAddress(failure.address), failure.reason);
  if (failure.path === null) return listenError;
  return source.toListenError?.(failure.path, listenError) ?? listenError;
}
