import { type BaseTarget, hostField } from '../../http/target.js';

/** What is looked up for the URL of a server: the addresses of its name, or its SRV records (RFC 2782). */
export const resolutionWords = ['addresses', 'srv'] as const;

export type Resolution = (typeof resolutionWords)[number];

/** Checked values of one server of a group. */
export interface ServerSettings {
  base: BaseTarget;
  /** Its share of the load, relative to the other servers. 0: no requests. */
  weight: number;
  /** Whether it gets requests only while no other server is available. */
  backup: boolean;
  /**
   * The place of its SRV record among those of its name, by priority (RFC 2782): it gets requests only while no server of a
   * lower one is available. 0 without such a record.
   */
  priority: number;
  /** Most transfers at a time. Null: no limit. */
  maxTransfers: number | null;
  /** Most connections at a time. Null: as many as the transport allows. */
  maxConnections: number | null;
  /** Where the server is. Null: not said. */
  zone: string | null;
  /** What its name is resolved to: several servers. Null: it is one server. */
  resolve: Resolution | null;
}

/** A server of a group as an option: see `upstream.servers`. */
export interface ServerOptions {
  url: string | URL;
  weight?: number;
  backup?: boolean;
  maxTransfers?: number | false;
  maxConnections?: number | false;
  zone?: string;
  resolve?: boolean | Resolution;
}

/**
 * The name of a server in records and snapshots, with its address if its name was resolved before. The query can contain
 * a secret.
 */
export const nameOf = ({ protocol, host, port, address, path }: BaseTarget): string =>
  `${protocol}//${address === undefined ? host : hostField(address, port, protocol)}${path}`;

/** Two servers are the same if their URLs are, query and address included. An empty path is the same as `/`. */
export const keyOf = (base: BaseTarget): string => {
  const url = `${nameOf(base.path === '/' ? { ...base, path: '' } : base)}?${base.query}`;
  return base.address === undefined ? url : `${url} ${base.host}`;
};
