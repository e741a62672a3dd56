import { createHash, randomBytes } from 'node:crypto';
import type { CompatOptions } from './options.js';

/** Where requests go: what of the options tells two middlewares in a row apart. */
type Routing = Pick<
  CompatOptions,
  'target' | 'router' | 'pathFilter' | 'pathRewrite' | 'prependPath' | 'ignorePath'
>;

/** Of this process: a name tells others nothing of the options that it is made of. */
const salt = randomBytes(16);

/**
 * The name of a middleware that has been given none: one for each configuration. Two middlewares that stand in a row
 * differ in their options, and so do not take each other's requests for a loop; one that is made anew for each request
 * keeps its name, so that a loop through it is found.
 */
export function nameOf(options: object): string {
  const { target, router, pathFilter, pathRewrite, prependPath, ignorePath }: Partial<Routing> = options;
  const text = JSON.stringify(
    [target, router, pathFilter, pathRewrite, prependPath, ignorePath],
    (_, value: unknown) => (typeof value === 'function' ? String(value) : value),
  );
  return `sluiceway-${createHash('sha256').update(salt).update(text).digest('hex').slice(0, 8)}`;
}
