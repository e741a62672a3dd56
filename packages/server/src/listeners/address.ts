import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** A TCP address. */
interface TcpAddress {
  /** A name or an address, IPv6 without brackets; empty for all addresses of the machine. */
  host: string;
  /** 0 for any free port. */
  port: number;
}

/** A Unix socket. */
interface UnixAddress {
  path: string;
}

/** A socket that another process has opened: systemd, by its name (null: the only one), or any, by its descriptor. */
export type InheritedAddress = { systemd: string | null } | { descriptor: number };

export type ListenAddress = TcpAddress | UnixAddress | InheritedAddress;

/** Whether another process has opened the socket. */
export const isInherited = (address: ListenAddress): address is InheritedAddress =>
  'systemd' in address || 'descriptor' in address;

/** A listener could not be opened. The message is complete; `reason` is the part after the address. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly address: ListenAddress;
  readonly reason: string;

  constructor(address: ListenAddress, reason: string, options?: ErrorOptions) {
    super(`cannot listen on ${formatAddress(address)}: ${reason}`, options);
    this.address = address;
    this.reason = reason;
  }
}

/** The longest path of a Unix socket that the kernel accepts, in bytes, without the final NUL. */
const MAX_SOCKET_PATH = process.platform === 'darwin' ? 103 : 107;

/**
 * Parses `host:port`, `[address]:port`, `:port`, `unix:path`, `systemd`, `systemd:name` or `fd://number`. An IPv6 address
 * needs brackets: `::1:80` is ambiguous. Throws a `RangeError` that lists the accepted forms.
 */
export function parseListenAddress(text: string, directory: string = process.cwd()): ListenAddress {
  if (typeof text !== 'string') throw new RangeError(`must be ${FORMS}, as a string`);
  if (text.startsWith('unix:') && text.length > 5) return parseSocketPath(text.slice(5), directory);
  const inherited = parseInherited(text);
  if (inherited !== null) return inherited;
  const match = /^(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([^\s:[\]/@]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) throw new RangeError(`must be ${FORMS}, not ${JSON.stringify(text)}`);
  return { host: match[1] ?? match[2] ?? '', port };
}

const FORMS = 'host:port, [address]:port, :port, unix:path, systemd, systemd:name or fd://number';

function parseInherited(text: string): InheritedAddress | null {
  const descriptor = /^fd:\/\/(\d{1,6})$/.exec(text)?.[1];
  // 0 to 2 are standard input, output and error.
  if (descriptor !== undefined && Number(descriptor) > 2) return { descriptor: Number(descriptor) };
  if (text === 'systemd') return { systemd: null };
  // With digits only, it is a port of a host named systemd.
  const name = /^systemd:((?!\d+$)[^\s:]+)$/.exec(text)?.[1];
  return name === undefined ? null : { systemd: name };
}

function parseSocketPath(given: string, directory: string): UnixAddress {
  const path = resolve(directory, given);
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH)
    throw new RangeError(`must name a Unix socket by at most ${MAX_SOCKET_PATH} bytes, not ${path}`);
  return { path };
}

/** As `parseListenAddress` reads it. */
export function formatAddress(address: ListenAddress): string {
  if ('descriptor' in address) return `fd://${address.descriptor}`;
  if ('systemd' in address) return address.systemd === null ? 'systemd' : `systemd:${address.systemd}`;
  if ('path' in address) return `unix:${address.path}`;
  const { host, port } = address;
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use',
  EACCES: 'permission denied',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'there is no such name',
  EAI_AGAIN: 'the name could not be looked up',
  ENOENT: 'there is no such directory',
};

/** Lower ports require a privilege on Unix systems. */
const FIRST_UNPRIVILEGED_PORT = 1024;

/** Converts an error of Node's `listen` into one with a readable message. */
export function toListenError(error: NodeJS.ErrnoException, address: ListenAddress): ListenError {
  const code = error.code ?? '';
  let reason = reasons[code] ?? error.message;
  if (isInherited(address)) reason = 'the descriptor is not that of a listening socket';
  if ('path' in address && code === 'EADDRINUSE')
    reason = 'another process listens on it, or it is not a socket';
  // libuv turns the ENOENT of a Unix socket into EACCES.
  if ('path' in address && code === 'EACCES' && !existsSync(dirname(address.path)))
    reason = 'there is no such directory';
  if (code === 'EACCES' && 'port' in address && address.port > 0 && address.port < FIRST_UNPRIVILEGED_PORT)
    reason =
      'permission denied: a port below 1024 needs the capability CAP_NET_BIND_SERVICE or root; or listen on a higher port';
  return new ListenError(address, reason, { cause: error });
}
