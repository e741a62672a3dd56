import { type InheritedAddress, ListenError } from './address.js';

/** The first descriptor that systemd passes (sd_listen_fds(3)). */
const FIRST_DESCRIPTOR = 3;

/** The descriptors that have been taken. A closed one may belong to something else by now. */
const taken = new Set<number>();

/** Like `findDescriptor`, but gives each descriptor only once. */
export function takeDescriptor(address: InheritedAddress): number {
  const descriptor = findDescriptor(address);
  if (taken.has(descriptor)) {
    const reason =
      'the socket is not there any more: two listeners name it, or a reload has closed it, which takes a restart';
    throw new ListenError(address, reason);
  }
  taken.add(descriptor);
  return descriptor;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The descriptor of a listening socket that another process has opened: a number, or one that systemd has passed, by its
 * name (sd_listen_fds_with_names(3)). Throws a `ListenError`.
 */
export function findDescriptor(
  address: InheritedAddress,
  environment: Environment = process.env,
  pid: number = process.pid,
): number {
  if ('descriptor' in address) return address.descriptor;
  const refuse = (reason: string): never => {
    throw new ListenError(address, reason);
  };
  const { LISTEN_PID: forPid, LISTEN_FDS: count, LISTEN_FDNAMES: names } = environment;
  if (forPid === undefined || count === undefined || !/^[1-9]\d{0,3}$/.test(count))
    return refuse('systemd passed no socket: start the server by its socket unit');
  if (forPid !== String(pid))
    return refuse(`systemd passed its sockets to process ${forPid}: a script in between has to use exec`);
  const given = (names ?? '').split(':');
  const sockets = Array.from({ length: Number(count) }, (_, i) => ({
    descriptor: FIRST_DESCRIPTOR + i,
    name: given[i] ?? '',
  }));
  const found = sockets.filter(({ name }) => address.systemd === null || name === address.systemd);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only.descriptor;
  const list = sockets.map(({ name, descriptor }) => `${name} (fd://${descriptor})`).join(', ');
  if (address.systemd === null) return refuse(`systemd passed several sockets; name one of them: ${list}`);
  if (found.length === 0) return refuse(`systemd passed no socket with that name, but ${list}`);
  return refuse(`systemd passed ${found.length} sockets with that name; use the descriptor of one: ${list}`);
}
