import type { AccessPolicy } from 'sluiceway';
import type { Checker } from 'sluiceway/options';
import type { FileOf } from '../access/access-kinds.js';
import { createPolicy } from '../access/access-option.js';
import type { AdminValues } from '../config/admin-options.js';
import { formatAddress, type ListenAddress, parseListenAddress } from '../listeners/address.js';
import { isLocal } from '../listeners/loopback.js';
import type { ListenerPlan } from './listener-plan.js';

/** The checked settings of the admin listener. */
export interface AdminPlan {
  address: ListenAddress;
  mode: number | null;
  hosts: readonly string[];
  /** Undefined: everyone who can connect. */
  access: AccessPolicy | undefined;
}

/** Checks the admin listener. Adds problems to `check`. Null if there is none. */
export function planAdmin(
  check: Checker,
  values: AdminValues | undefined,
  listeners: readonly ListenerPlan[],
  fileOf: FileOf,
  directory: string,
): AdminPlan | null {
  if (values === undefined) return null;
  const { mode, hosts } = values;
  const access = createPolicy(check, 'admin.access', values.access, fileOf);
  const address = check.parsed('admin.address', values.address, null, (text) =>
    parseListenAddress(text, directory),
  );
  if (address === null) return null;
  const isUnix = 'path' in address;
  if (mode !== null && !isUnix) check.problem('admin.mode', 'is for Unix sockets only');
  const isOpen = values.access === undefined || values.access === 'everyone';
  if (isOpen && !isLocal(address)) {
    check.problem(
      'admin.address',
      'can be reached from other machines, so it requires admin.access; otherwise it must be a loopback address or a Unix socket',
    );
  }
  const text = formatAddress(address);
  const other = listeners.find((listener) => formatAddress(listener.address) === text);
  if (other !== undefined && !('port' in address && address.port === 0))
    check.problem('admin.address', `is the address of ${other.path}`);
  return { address, mode, hosts, access };
}
