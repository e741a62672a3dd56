import type { BaseTarget } from '../../http/target.js';
import type { Checker } from '../../options/checker.js';
import { UpstreamGroup } from '../../upstream/group/group.js';
import { toGroupSettings } from './group-options.js';
import type { UpstreamValues } from './upstream-options.js';

/** Adds the problems of options that exclude each other. The group is created only if there are none. */
export function resolveDestination(
  check: Checker,
  { url, servers, group, mirrors, path, ...balancing }: UpstreamValues & { path: string },
): () => BaseTarget | UpstreamGroup | null {
  const given = Object.entries({ url, servers, group }).flatMap(([name, value]) =>
    value === undefined ? [] : [name],
  );
  if (given.length > 1) check.problem(`${path}${given[1]}`, `must not be given together with ${given[0]}`);
  if (mirrors.length > 0 && (servers !== undefined || group !== undefined))
    check.problem(
      `${path}mirrors`,
      'must not be given together with a group, whose servers have the same files',
    );
  if (servers === undefined) return () => group ?? url ?? null;
  const settings = toGroupSettings(check, `${path}servers`, servers, balancing);
  return () => new UpstreamGroup(settings);
}
