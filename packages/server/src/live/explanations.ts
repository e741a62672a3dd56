import type { ErrorCode } from 'sluiceway';

/** What each failure means to an operator, and what to look at. */
export const explanations: Readonly<Record<ErrorCode, string>> = {
  dns_timeout:
    'The name of the origin server was not resolved within timeouts.connect. Look at the DNS servers of this machine.',
  dns_error: 'The name of the origin server does not exist, or has no address. Check the upstream URL.',
  destination_unavailable:
    'The origin server could not be reached. The message of an example has the reason of the system.',
  destination_ip_prohibited:
    'The address is not among those that may be connected to. The option addresses allows more.',
  destination_ip_unroutable:
    'There is no route to the address of the origin server. Look at the network of this machine.',
  connection_refused:
    'Nothing listens at the address and port of the origin server. It is down, or the port is wrong.',
  connection_terminated:
    'The origin server closed the connection before it answered. Its log may tell why, for example a crash.',
  connection_timeout:
    'The origin server did not accept a connection within timeouts.connect. It is overloaded, or a firewall drops packets.',
  connection_read_timeout:
    'The origin server stopped sending for timeouts.upstreamIdle, or sent less than limits.minRate.',
  connection_write_timeout:
    'The origin server stopped reading the upload for timeouts.upstreamIdle, or read less than limits.minRate.',
  connection_limit_reached:
    'All connections to the origin server were in use. Raise connections.max, or the limit of open files of the process.',
  tls_protocol_error: 'The TLS handshake with the origin server failed. It may not speak TLS at this port.',
  tls_certificate_error:
    'The certificate of the origin server is not trusted, has expired, or is for another name.',
  http_request_error: 'The request of the client is not valid HTTP.',
  http_request_denied: 'The request has no access, or its method is not served. An access rule refused it.',
  http_response_incomplete:
    'The origin server ended the content early, and the rest could not be continued. Something between cuts transfers, or the origin server has no validators or ranges.',
  http_response_header_section_size:
    'The response head is larger than limits.responseHead or limits.responseHeaders.',
  http_response_trailer_section_size: 'The trailers of the response are larger than their limit.',
  http_response_transfer_coding: 'The origin server sent malformed chunks, or a coding other than chunked.',
  http_response_timeout:
    'The origin server sent no response head within timeouts.responseHead. It is slow, or waits for something itself.',
  http_upgrade_failed: 'The origin server switched to a protocol that the client had not asked for.',
  http_protocol_error: 'The response is not valid HTTP, or two parsers could read it differently.',
  proxy_internal_error:
    'An error in the proxy, or in a hook or transform of the application. The log has its message.',
  proxy_configuration_error: 'No upstream is configured for the request, or something else read its content.',
  proxy_loop_detected:
    'The request has been through this proxy before. The upstream leads back to this server.',
  client_aborted: 'The client closed its connection.',
  client_stalled:
    'The client neither sent nor read content for timeouts.clientIdle, or less than limits.minRate.',
  content_too_large: 'The upload is longer than limits.requestContent.',
  http_response_body_size: 'The file is longer than the gateway or the link allows.',
  http_response_digest_mismatch:
    'The content does not have the digest that it should have: it was damaged on the way, or the file has changed.',
  digest_unavailable: 'The checksum file does not exist, does not list the file, or cannot be read.',
  http_response_status: 'The origin server answered with an error instead of the file.',
  response_denied: 'The gateway does not serve files of this media type.',
  transfer_limit_reached: 'The limit of transfers at a time is reached.',
  request_limit_reached: 'The limit of requests per time is reached.',
  byte_limit_reached: 'The bytes of the present period are used up.',
  limit_key_blocked: 'An operator has blocked the client, or what else the limit counts by.',
  limit_unavailable: 'The store of the limits cannot be asked, and the rule says to refuse then.',
  too_many_redirects: 'The origin server redirected too often, or to a place that may not be followed.',
  total_timeout: 'The transfer took longer than timeouts.total.',
  shutdown: 'The proxy was stopped during the transfer.',
  aborted_by_operator: 'An operator aborted the transfer.',
  link_invalid: 'The link does not verify, or its key is no longer configured.',
  link_expired: 'The link has expired.',
  link_client: 'The link is for another client address.',
  link_used: 'The link is for one client, and another one has used it.',
  link_revoked: 'The link was revoked.',
};
