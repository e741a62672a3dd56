import type { OptionProblem } from 'sluiceway';
import type { ConfigSource } from '../config/source.js';
import { formatAddress, ListenError } from '../listeners/address.js';
import { OutputError } from '../log/logs.js';
import type { Configuration, Failure } from './messages.js';

/** Why a worker cannot serve a configuration, for the primary process to word. */
export class WorkerFailure extends Error {
  override readonly name = 'WorkerFailure';
  readonly failure: Failure;

  constructor(failure: Failure) {
    super('the worker cannot serve the configuration');
    this.failure = failure;
  }
}

/** The configuration that the primary process has sent. */
export function toSource({ value, directory }: Configuration): ConfigSource {
  return {
    value,
    written: value,
    directory,
    toError: (problems: readonly OptionProblem[]) => new WorkerFailure({ kind: 'problems', problems }),
    toListenError: (path, error) => new WorkerFailure(describe(error, path)),
  };
}

/** Converts an error that is no bug. Throws any other. */
export function toFailure(error: unknown): Failure {
  if (error instanceof WorkerFailure) return error.failure;
  if (error instanceof ListenError) return describe(error, null);
  if (error instanceof OutputError)
    return { kind: 'problems', problems: [{ path: `log.${error.option}`, message: error.message }] };
  throw error;
}

function describe(error: Error, path: string | null): Failure {
  if (!(error instanceof ListenError)) throw error;
  return { kind: 'listen', path, address: formatAddress(error.address), reason: error.reason };
}
