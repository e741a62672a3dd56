import { formatAddress, isInherited, type ListenAddress } from '../listeners/address.js';
import type { ListenerPlan } from './listener-plan.js';

/** The address that all workers have: the port that is chosen, or the descriptor that the primary process has. */
export function sharedAddress(address: ListenAddress, number: number | undefined): ListenAddress {
  if (number === undefined) return address;
  if (isInherited(address)) return { descriptor: number };
  return 'port' in address ? { ...address, port: number } : address;
}

/** Identifies a listener across reloads. Listeners on a free port (port 0) are identified by their path. */
export function keyOf({ address, path }: Pick<ListenerPlan, 'address' | 'path'>): string {
  const text = formatAddress(address);
  return 'port' in address && address.port === 0 ? `${text} ${path}` : text;
}
