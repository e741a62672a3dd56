import { oneOf } from '../../options/kinds.js';

export const protocolOption = oneOf(['http1', 'http2', 'auto'], {
  default: 'http1',
  doc: 'The protocol that is used with origin servers: see [HTTP/2 to origin servers](#http2-to-origin-servers). `http2` is HTTP/2 only, without TLS for http: URLs (prior knowledge). `auto` is HTTP/2 if an https: server chooses it (ALPN), and HTTP/1.1 otherwise and for upgrades. HTTP/1.1 is the default: its client is part of Sluiceway and takes half to three quarters of the CPU for a byte, each large file has a connection of its own, and a client that stops costs less memory.',
});

export const proxyProtocolOption = oneOf(['v1', 'v2'], {
  doc: "Tell origin servers the address of the client with a header of the PROXY protocol, version 1 (text) or 2 (binary), at the beginning of each connection, before TLS: for servers that expect it, such as HAProxy (`accept-proxy`) and nginx (`listen … proxy_protocol`). Others take it for a request that is not valid. A connection then serves one client connection only. It needs `protocol: 'http1'` and no `egressProxy`.",
});
