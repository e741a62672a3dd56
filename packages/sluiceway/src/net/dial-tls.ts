import net from 'node:net';
import type tls from 'node:tls';

export interface DialTlsOptions {
  /** Made once with `tls.createSecureContext` for many connections; replaces ca, cert, key and minVersion. */
  secureContext?: tls.SecureContext;
  /** Replaces the root certificates that Node trusts. */
  ca?: string | Buffer | readonly (string | Buffer)[];
  cert?: string | Buffer;
  key?: string | Buffer;
  minVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** The name to ask for and to verify. Default: the hostname, none for an address. */
  servername?: string;
  /** From `DialListener.session`, for the same destination and servername only: resuming verifies no name. */
  session?: Buffer;
  /** Default `http/1.1`. */
  ALPNProtocols?: readonly string[];
}

/** Only what is named here reaches `tls.connect`, so that no option can turn verification off. */
export function toTlsOptions(hostname: string, options: DialTlsOptions): tls.ConnectionOptions {
  const { secureContext, ca, cert, key, minVersion, session } = options;
  // Server Name Indication has no addresses and no trailing dot (RFC 6066 section 3).
  const servername =
    options.servername ?? (net.isIP(hostname) === 0 ? hostname.replace(/\.$/, '') : undefined);
  return {
    // The name to verify where there is no servername: over a socket that is given it would be that of its peer.
    host: hostname,
    ...(secureContext && { secureContext }),
    ...(ca !== undefined && { ca: typeof ca === 'string' || Buffer.isBuffer(ca) ? ca : [...ca] }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(minVersion && { minVersion }),
    ...(session && { session }),
    ...(servername !== undefined && { servername }),
    ALPNProtocols: [...(options.ALPNProtocols ?? ['http/1.1'])],
    // Stated, because the environment could turn it off (NODE_TLS_REJECT_UNAUTHORIZED).
    rejectUnauthorized: true,
  };
}
