import { createHash, randomBytes } from 'node:crypto';
import type { CompatOptions } from './options.js';

/** The options that differ between two chained middlewares. */
type Routing = Pick<
  CompatOptions,
  'target' | 'router' | 'pathFilter' | 'pathRewrite' | 'prependPath' | 'ignorePath'
>;

/** Random per process, so that a name reveals nothing about the options. */
const salt = randomBytes(16);

/**
 * Returns the default name of a middleware, one per configuration. Chained middlewares differ in their options, so they
 * do not treat each other's requests as a loop. A middleware that is created for each request keeps its name, so a loop
 * through it is detected.
 */
export function nameOf(options: object): string {
  const { target, router, pathFilter, pathRewrite, prependPath, ignorePath }: Partial<Routing> = options;
  const text = JSON.stringify(
    [target, router, pathFilter, pathRewrite, prependPath, ignorePath],
    (_, value: unknown) => (typeof value === 'function' ? String(value) : value),
  );
  return `sluiceway-${createHash('sha256').update(salt).update(text).digest('hex').slice(0, 8)}`;
}
