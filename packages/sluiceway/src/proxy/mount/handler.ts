import type { Checker } from '../../options/checker.js';
import type { Handler } from '../messages/handler.js';

export function checkHandler(check: Checker, path: string, handler: Handler): void {
  const methods: unknown[] = [handler?.handle, handler?.upgrade];
  if (!methods.every((method) => typeof method === 'function'))
    check.problem(path, 'must be a proxy, or what stripPrefix or mount returned');
}
