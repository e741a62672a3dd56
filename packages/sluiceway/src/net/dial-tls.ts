import net from 'node:net';
import type tls from 'node:tls';

export interface DialTlsOptions {
  /**
   * A context from `tls.createSecureContext`, created once for many connections. Replaces ca, cert, key and minVersion.
   */
  secureContext?: tls.SecureContext;
  /** Replaces the root certificates that Node trusts. */
  ca?: string | Buffer | readonly (string | Buffer)[];
  cert?: string | Buffer;
  key?: string | Buffer;
  minVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** The name to send and to verify. Default: the hostname; none for an address. */
  servername?: string;
  /**
   * A session from `DialListener.session`. Use it only for the same destination and servername: a resumed session does
   * not verify the name.
   */
  session?: Buffer;
  /** Default `http/1.1`. */
  ALPNProtocols?: readonly string[];
}

/** Passes only the options listed here to `tls.connect`, so that no option can turn verification off. */
export function toTlsOptions(hostname: string, options: DialTlsOptions): tls.ConnectionOptions {
  const { secureContext, ca, cert, key, minVersion, session } = options;
  // Server Name Indication allows no addresses and no trailing dot (RFC 6066 section 3).
  const servername =
    options.servername ?? (net.isIP(hostname) === 0 ? hostname.replace(/\.$/, '') : undefined);
  return {
    // The name to verify without a servername. Over a given socket, Node would verify the name of the socket's peer.
    host: hostname,
    ...(secureContext && { secureContext }),
    ...(ca !== undefined && { ca: typeof ca === 'string' || Buffer.isBuffer(ca) ? ca : [...ca] }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(minVersion && { minVersion }),
    ...(session && { session }),
    ...(servername !== undefined && { servername }),
    ALPNProtocols: [...(options.ALPNProtocols ?? ['http/1.1'])],
    // Explicit, because the environment can turn it off (NODE_TLS_REJECT_UNAUTHORIZED).
    rejectUnauthorized: true,
  };
}
