import { createRequire } from 'node:module';
import { OptionsError, type Tracing } from 'sluiceway';
import type { WrittenOptions } from '../config/library-options.js';

const require = createRequire(import.meta.url);

/**
 * Replaces `tracing: true` of a configuration by what traces with OpenTelemetry. Its API is an optional package, which is
 * loaded only here. Throws an `OptionsError` if it is not installed.
 */
export function withTracing({ tracing = false, ...others }: WrittenOptions): WrittenOptions {
  if (tracing === false) return others;
  if (tracing !== true) throw problem('must be true or false');
  try {
    // Synchronous, as all that compiles a configuration.
    const { openTelemetry } = require('sluiceway/opentelemetry') as { openTelemetry: () => Tracing };
    return { ...others, tracing: openTelemetry() };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw problem('requires the package @opentelemetry/api, which is not installed');
  }
}

const problem = (message: string): OptionsError => new OptionsError('route', [{ path: 'tracing', message }]);
