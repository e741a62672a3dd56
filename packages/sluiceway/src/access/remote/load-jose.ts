import type * as jose from 'jose';
import { describeThrown, SluicewayError } from '../../errors.js';

type Jose = typeof jose;

let loading: Promise<Jose> | null = null;

/**
 * Loads jose when the first policy is created, not when this package is imported: it is a third of what the program would
 * load. If it is not installed, a process warning says so at once, and every request to the policy fails.
 */
export function loadJose(): Promise<Jose> {
  if (loading === null) {
    loading = import('jose').catch((cause: unknown) => {
      const message = 'jwt needs the package jose: npm install jose';
      throw new SluicewayError('proxy_internal_error', message, { cause });
    });
    loading.catch((error: unknown) => process.emitWarning(describeThrown(error), 'SluicewayAccessWarning'));
  }
  return loading;
}
