// long file: a table, in which each kind of finding has its settings of all products together.
import type { Kind } from './finding.js';

/**
 * Every kind of finding: how bad it is, and what to set, by product. A setting is written as in the product's
 * configuration, and compared with the product's manual: nginx.org/en/docs (1.29), the configuration manual of HAProxy 2.6, the
 * parameters and VCL of Varnish 7.1 to 8.0, squid.conf.documented of Squid 5.7, the directives of Apache httpd 2.4,
 * records.yaml of Traffic Server 9.2 and 10, caddyserver.com/docs (2.10), the timeouts page and the v3 API of Envoy 1.39,
 * nextjs.org/docs (15 and 16: next.config.js, and `maxDuration` of the route segment configuration), the zone settings of
 * Cloudflare, `DistributionConfig` of CloudFront's API (2020-05-31), and `LoadBalancerAttribute` of the API of Elastic Load
 * Balancing (2015-12-01). Of Envoy: `HttpConnectionManager` (`max_request_headers_kb` is 60 by default, and 96 is valid in
 * all versions) and `CommonTlsContext`.
 */
export const kinds = {
  'response-completed': {
    severity: 'error',
    settings: {
      nginx: 'proxy_http_version 1.1',
      HAProxy: 'alpn http/1.1 on the bind line, and Content-Length from the origin',
      Varnish: 'return (pass) in vcl_recv, and no HTTP/2 towards clients',
      Caddy: 'Content-Length from the origin',
      'Traffic Server': 'Content-Length from the origin',
    },
  },
  'upload-completed': {
    severity: 'error',
    settings: {
      nginx: 'proxy_request_buffering off',
      Varnish: 'return (pipe) in vcl_recv for uploads',
      'Apache httpd': 'SetEnv proxy-sendcl 1',
    },
  },
  'content-changed': {
    severity: 'error',
    settings: { nginx: 'sub_filter off', Cloudflare: 'Cache-Control: no-transform from the origin' },
  },
  'download-cut': {
    severity: 'error',
    settings: {
      nginx: 'proxy_max_temp_file_size 0',
      HAProxy: 'timeout server',
      Squid: 'reply_body_max_size none',
      Varnish: 'return (pipe) in vcl_recv',
      'Next.js': 'experimental.proxyTimeout',
      'Traffic Server': 'proxy.config.http.transaction_active_timeout_out',
    },
  },
  'upload-changed': { severity: 'error', settings: {} },
  'upload-truncated': {
    severity: 'error',
    settings: {
      'Next.js': 'experimental.proxyClientMaxBodySize (15: experimental.middlewareClientMaxBodySize)',
    },
  },
  'upload-limit': {
    severity: 'error',
    settings: {
      nginx: 'client_max_body_size 0',
      'Apache httpd': 'LimitRequestBody 0',
      Squid: 'request_body_max_size 0',
      HAProxy: 'the http-request deny rule on req.body_size or content-length',
      Varnish: 'the rule on Content-Length in vcl_recv',
      'Traffic Server': 'proxy.config.http.max_post_size 0',
      'Next.js': 'experimental.proxyClientMaxBodySize (15: experimental.middlewareClientMaxBodySize)',
      Caddy: 'request_body { max_size }',
      Envoy: 'max_request_bytes of the buffer filter',
      Cloudflare: 'the upload limit of the plan',
      Sluiceway: '--max-upload off',
    },
  },
  'upload-outrun': {
    severity: 'error',
    settings: {
      Squid: 'client_request_buffer_max_size larger than the uploads',
      nginx: 'proxy_send_timeout 10m',
      HAProxy: 'timeout server 10m',
      'Apache httpd': 'ProxyTimeout 600 and TimeOut 600',
    },
  },
  'chunked-refused': {
    severity: 'error',
    // Current versions of all products accept them; rules and filters refuse them.
    settings: {},
  },
  'head-silence': {
    severity: 'warning',
    settings: {
      nginx: 'proxy_read_timeout 10m',
      HAProxy: 'timeout server 10m',
      Varnish: 'first_byte_timeout 600',
      Squid: 'read_timeout 10 minutes',
      'Apache httpd': 'ProxyTimeout 600 and TimeOut 600',
      'Traffic Server': 'proxy.config.http.transaction_no_activity_timeout_out 600',
      'Next.js': 'experimental.proxyTimeout 600000',
      Caddy: 'response_header_timeout of transport http',
      Envoy: 'timeout 0s of the route and stream_idle_timeout 600s',
      Cloudflare: 'proxy_read_timeout of the zone (Enterprise)',
      CloudFront: 'Response timeout of the origin',
      'AWS load balancer': 'idle_timeout.timeout_seconds',
      Sluiceway: '--response-head-timeout 10m',
    },
  },
  'content-silence': {
    severity: 'warning',
    settings: {
      nginx: 'proxy_read_timeout 10m',
      HAProxy: 'timeout server 10m',
      Varnish: 'between_bytes_timeout 600',
      Squid: 'read_timeout 10 minutes',
      'Apache httpd': 'ProxyTimeout 600 and TimeOut 600',
      'Traffic Server':
        'proxy.config.http.transaction_no_activity_timeout_out 600 and proxy.config.http.transaction_no_activity_timeout_in 600',
      'Next.js': 'experimental.proxyTimeout 600000',
      Caddy: 'read_timeout of transport http',
      Envoy: 'timeout 0s of the route and stream_idle_timeout 600s',
      Cloudflare: 'proxy_read_timeout of the zone (Enterprise)',
      CloudFront: 'Response timeout of the origin',
      'AWS load balancer': 'idle_timeout.timeout_seconds',
      Sluiceway: '--upstream-idle-timeout 10m',
    },
  },
  'client-silence': {
    severity: 'warning',
    settings: {
      nginx: 'send_timeout 10m',
      HAProxy: 'timeout client 10m',
      Varnish: 'idle_send_timeout 600 and send_timeout 3600',
      Squid: 'write_timeout 10 minutes',
      'Apache httpd': 'TimeOut 600',
      'Traffic Server': 'proxy.config.http.transaction_no_activity_timeout_in 600',
      Caddy: 'timeouts { write }',
      Envoy: 'stream_idle_timeout 600s',
      'AWS load balancer': 'idle_timeout.timeout_seconds',
      'Node.js': 'server.timeout',
      Sluiceway: '--client-idle-timeout 10m',
    },
  },
  'upload-silence': {
    severity: 'warning',
    settings: {
      nginx: 'client_body_timeout 10m and proxy_read_timeout 10m',
      HAProxy: 'timeout client 10m and timeout server 10m',
      Varnish: 'timeout_idle 600 and first_byte_timeout 600',
      Squid: 'read_timeout 10 minutes and request_timeout 10 minutes',
      'Apache httpd': 'RequestReadTimeout body=0 and TimeOut 600',
      'Traffic Server':
        'proxy.config.http.transaction_no_activity_timeout_in 600 and proxy.config.http.transaction_no_activity_timeout_out 600',
      Caddy: 'timeouts { read_body }',
      Envoy: 'stream_idle_timeout 600s',
      'AWS load balancer': 'idle_timeout.timeout_seconds',
      Sluiceway: '--client-idle-timeout 10m',
    },
  },
  'download-time': {
    severity: 'warning',
    settings: {
      Varnish: 'send_timeout 86400',
      Squid: 'client_lifetime 1 day',
      'Traffic Server':
        'proxy.config.http.transaction_active_timeout_out 0 and proxy.config.http.transaction_active_timeout_in 0',
      'Next.js': 'maxDuration of the route, on platforms that enforce it',
      Caddy: 'timeouts { write }',
      Envoy: 'timeout 0s of the route and no max_stream_duration',
      CloudFront: 'Response completion timeout of the origin',
      Sluiceway: '--total-timeout off',
    },
  },
  'upload-time': {
    severity: 'warning',
    settings: {
      'Apache httpd': 'RequestReadTimeout body=0',
      'Node.js': 'server.requestTimeout = 0',
      'Next.js': 'server.requestTimeout = 0',
      Squid: 'client_lifetime 1 day',
      'Traffic Server': 'proxy.config.http.transaction_active_timeout_in 0',
      Caddy: 'timeouts { read_body }',
      Envoy: 'request_timeout 0s and no max_stream_duration',
      Sluiceway: '--total-timeout off',
    },
  },
  'tunnel-silence': {
    severity: 'warning',
    settings: {
      nginx: 'proxy_read_timeout 1h and proxy_send_timeout 1h',
      HAProxy: 'timeout tunnel 1h',
      Varnish: 'pipe_timeout 3600',
      Squid: 'read_timeout 1 hour',
      'Apache httpd': 'ProxyTimeout 3600',
      'Traffic Server': 'proxy.config.websocket.no_activity_timeout 3600',
      Caddy: 'stream_timeout of reverse_proxy',
      Envoy: 'stream_idle_timeout 600s',
      'AWS load balancer': 'idle_timeout.timeout_seconds',
      Sluiceway: '--tunnel-idle-timeout 1h',
    },
  },
  'response-buffered': {
    severity: 'warning',
    settings: {
      nginx: 'proxy_buffering off',
      HAProxy: 'option http-no-delay',
      Varnish: 'return (pipe) in vcl_recv, and beresp.do_stream as it is by default',
      'Apache httpd': 'flushpackets=on on ProxyPass',
      Squid: 'read_ahead_gap',
      'Next.js': 'compress: false',
      Caddy: 'flush_interval -1',
      'Traffic Server': 'proxy.config.http.cache.http 0 for these files',
    },
  },
  'events-buffered': {
    severity: 'warning',
    settings: {
      nginx: 'proxy_buffering off',
      HAProxy: 'option http-no-delay',
      Varnish: 'set beresp.do_stream = true',
      'Apache httpd': 'flushpackets=on on ProxyPass',
      'Next.js': 'compress: false',
      Caddy: 'flush_interval -1',
    },
  },
  'response-stored': {
    severity: 'warning',
    settings: {
      nginx: 'proxy_max_temp_file_size 0',
      Varnish: 'return (pass) in vcl_recv, with transit_buffer 1M (7.3 and newer)',
      Squid: 'read_ahead_gap 16 KB, and no cache for large files (maximum_object_size)',
      'Traffic Server': 'proxy.config.http.flow_control.enabled 1',
      'Apache httpd': 'CacheDisable for these files',
    },
  },
  'upload-buffered': {
    severity: 'warning',
    settings: {
      nginx: 'proxy_request_buffering off',
      HAProxy: 'no option http-buffer-request',
      'Apache httpd': 'no SetEnv proxy-sendcl',
      Varnish: 'no std.cache_req_body in vcl_recv',
      'Traffic Server': 'proxy.config.http.request_buffer_enabled 0',
      Caddy: 'no request_buffers in reverse_proxy',
      Envoy: 'no buffer filter',
    },
  },
  'upload-start-held': {
    severity: 'note',
    settings: { HAProxy: 'no option http-buffer-request', nginx: 'proxy_request_buffering off' },
  },
  'early-response-lost': {
    severity: 'warning',
    settings: {
      nginx: 'proxy_request_buffering off',
      'Traffic Server': 'proxy.config.http.request_buffer_enabled 0',
    },
  },
  'early-response-held': {
    severity: 'note',
    settings: { nginx: 'proxy_request_buffering off', HAProxy: 'no option http-buffer-request' },
  },
  'post-repeated': {
    severity: 'error',
    settings: {
      nginx: 'proxy_next_upstream without non_idempotent',
      HAProxy: 'retry-on none',
      Varnish: 'no return (retry) for POST',
      Squid: 'retry_on_error off',
      'Apache httpd': 'SetEnv proxy-initial-not-pooled 1',
      'Traffic Server': 'proxy.config.http.connect_attempts_max_retries 0',
    },
  },
  'put-repeated': {
    severity: 'warning',
    settings: {
      nginx: 'proxy_next_upstream off',
      HAProxy: 'retry-on none',
      Varnish: 'no return (retry) for PUT',
      Squid: 'retry_on_error off',
      'Traffic Server': 'proxy.config.http.connect_attempts_max_retries 0',
    },
  },
  'range-lost': {
    severity: 'error',
    settings: {
      nginx: 'proxy_cache off and proxy_set_header Range $http_range',
      HAProxy: 'no cache for these files (max-object-size)',
      Varnish: 'http_range_support on',
      Squid: 'request_header_access Range allow all',
      'Apache httpd': 'MaxRanges default, and no RequestHeader unset Range',
      'Traffic Server': 'the plugin slice.so or cache_range_requests.so',
    },
  },
  'range-wrong': { severity: 'error', settings: { Varnish: 'http_range_support off' } },
  'range-expanded': {
    severity: 'warning',
    settings: {
      nginx: 'slice 1m, or proxy_cache off for these files',
      Varnish: 'return (pass) in vcl_recv for large files',
      Squid: 'range_offset_limit 0',
      'Traffic Server': 'the plugin slice.so or cache_range_requests.so',
    },
  },
  'if-range-ignored': {
    severity: 'error',
    settings: {
      nginx: 'proxy_set_header If-Range $http_if_range',
      HAProxy: 'no http-request del-header If-Range',
      Varnish: 'no unset req.http.If-Range',
      Squid: 'request_header_access If-Range allow all',
      'Apache httpd': 'no RequestHeader unset If-Range',
    },
  },
  'if-range-lost': {
    severity: 'warning',
    settings: {
      nginx: 'proxy_set_header If-Range $http_if_range',
      Varnish: 'return (pass) in vcl_recv for large files',
      'Traffic Server': 'the plugin cache_range_requests.so',
    },
  },
  'not-modified-lost': {
    severity: 'note',
    settings: {
      nginx: 'proxy_set_header If-None-Match $http_if_none_match',
      HAProxy: 'no http-request del-header If-None-Match',
    },
  },
  'validator-lost': {
    severity: 'error',
    settings: {
      nginx: 'no proxy_hide_header ETag; gzip off',
      HAProxy: 'no http-response del-header ETag',
      Varnish: 'no unset beresp.http.ETag',
      Squid: 'reply_header_access ETag allow all',
      'Apache httpd': 'DeflateAlterETag NoChange; no Header unset ETag',
      'Traffic Server': 'no header rewriting of ETag',
    },
  },
  'validator-weakened': {
    severity: 'warning',
    settings: {
      nginx: 'gzip off for files',
      Varnish: 'set beresp.do_gzip = false',
      HAProxy: 'no compression algo for files',
      'Apache httpd': 'SetEnv no-gzip 1 for files',
      Caddy: 'no encode for files',
      'Next.js': 'compress: false',
      Cloudflare: 'Cache-Control: no-transform from the origin',
    },
  },
  compressed: {
    severity: 'warning',
    settings: {
      nginx: 'gzip off for files',
      HAProxy: 'compression type without this type',
      Varnish: 'set beresp.do_gzip = false',
      'Apache httpd': 'SetEnv no-gzip 1 for files',
      'Traffic Server': 'the plugin compress.so without this type',
      'Next.js': 'compress: false',
      Caddy: 'no encode for files',
      Cloudflare: 'Cache-Control: no-transform from the origin',
    },
  },
  'length-lost': {
    severity: 'warning',
    settings: {
      nginx: 'gzip off, sub_filter off',
      Varnish: 'set beresp.do_gzip = false and no do_esi',
      'Apache httpd': 'no output filter for files',
      HAProxy: 'no compression or filter for files',
      'Next.js': 'compress: false',
    },
  },
  'ranges-hidden': {
    severity: 'warning',
    settings: {
      nginx: 'no proxy_hide_header Accept-Ranges; max_ranges',
      Varnish: 'http_range_support on',
      HAProxy: 'no http-response del-header Accept-Ranges',
      'Apache httpd': 'no Header unset Accept-Ranges',
    },
  },
  'head-as-get': {
    severity: 'warning',
    settings: { nginx: 'proxy_cache_convert_head off', Varnish: 'return (pass) in vcl_recv for HEAD' },
  },
  'head-length-lost': {
    severity: 'warning',
    settings: { nginx: 'gzip off', Varnish: 'return (pass) for HEAD' },
  },
  'response-fields-lost': {
    severity: 'warning',
    settings: {
      nginx: 'no proxy_hide_header for them',
      HAProxy: 'no http-response del-header for them',
      Varnish: 'no unset beresp.http for them',
      Squid: 'reply_header_access allow for them',
      'Apache httpd': 'no Header unset for them',
      'Traffic Server': 'no header_rewrite for them',
    },
  },
  'request-fields-lost': {
    severity: 'warning',
    settings: {
      nginx: 'proxy_pass_request_headers on',
      HAProxy: 'no http-request del-header for them',
      Varnish: 'no unset req.http for them',
      Squid: 'request_header_access allow for them',
      'Apache httpd': 'no RequestHeader unset for them',
      'Traffic Server': 'no header_rewrite for them',
    },
  },
  'underscores-lost': {
    severity: 'note',
    settings: { nginx: 'underscores_in_headers on', Envoy: 'headers_with_underscores_action ALLOW' },
  },
  'http-1.0': {
    severity: 'warning',
    settings: {
      nginx: "proxy_http_version 1.1 and proxy_set_header Connection '' (both the default from 1.29.7 on)",
      'Apache httpd': 'no force-proxy-request-1.0',
      'Traffic Server': 'proxy.config.http.send_http11_requests 1',
    },
  },
  'http2-missing': {
    severity: 'note',
    settings: {
      nginx: 'http2 on (before 1.25.1: listen 443 ssl http2)',
      HAProxy: 'alpn h2,http/1.1 on the bind line',
      'Apache httpd': 'Protocols h2 http/1.1',
      'Traffic Server': 'proxy.config.http.server_ports 443:ssl:proto=http2;http',
      Varnish: 'feature +http2, behind a TLS proxy that offers h2',
      Caddy: 'protocols h1 h2 of servers',
      Envoy: 'alpn_protocols [h2, http/1.1] of common_tls_context',
      CloudFront: 'HttpVersion http2 of the distribution',
      'AWS load balancer': 'routing.http2.enabled true',
    },
  },
  'http2-refused': {
    severity: 'error',
    settings: {
      nginx: 'http2 off (before 1.25.1: no http2 on the listen line)',
      HAProxy: 'alpn http/1.1 on the bind line',
      Varnish: 'feature +http2, or a TLS proxy that does not offer h2',
      'Apache httpd': 'Protocols http/1.1',
    },
  },
  'http2-completed': {
    severity: 'error',
    settings: {
      HAProxy: 'alpn http/1.1 on the bind line',
      Varnish: 'feature -http2',
      Caddy: 'Content-Length from the origin',
      nginx: 'proxy_http_version 1.1',
    },
  },
  'expect-answered': { severity: 'note', settings: { 'Apache httpd': 'Proxy100Continue On' } },
  'expect-refused': {
    severity: 'warning',
    settings: {
      'Apache httpd': 'Proxy100Continue On',
      'Traffic Server': 'proxy.config.http.send_100_continue_response 1',
    },
  },
  'trailers-lost': {
    severity: 'note',
    settings: {
      nginx:
        'proxy_pass_trailers on (1.27.2 and newer), proxy_set_header TE trailers and proxy_set_header Connection te',
      Varnish: 'return (pipe) in vcl_recv',
    },
  },
  'trailers-refused': { severity: 'error', settings: { Varnish: 'return (pipe) in vcl_recv' } },
  'early-hints-refused': {
    severity: 'error',
    settings: {
      nginx: 'no 103 from the origin (nginx before 1.29.0)',
      Varnish: 'return (pipe) in vcl_recv, or no 103 from the origin',
    },
  },
  'request-trailers-refused': {
    severity: 'warning',
    settings: {
      nginx: 'http2 off, or no trailer fields from clients over HTTP/2',
      Varnish: 'return (pipe) in vcl_recv for uploads',
    },
  },
  'request-trailers-lost': { severity: 'note', settings: { Varnish: 'return (pipe) in vcl_recv' } },
  'early-hints-lost': {
    severity: 'note',
    settings: {
      nginx: 'early_hints 1 (1.29.0 and newer)',
      'Apache httpd': 'H2EarlyHints on',
      Varnish: 'return (pipe) in vcl_recv',
    },
  },
  'url-limit': {
    severity: 'warning',
    settings: {
      nginx: 'large_client_header_buffers 4 32k',
      HAProxy: 'tune.bufsize 65536',
      Varnish: 'http_req_hdr_len 32k and http_req_size 128k',
      Squid: 'request_header_max_size 64 KB',
      'Apache httpd': 'LimitRequestLine 32768',
      'Traffic Server': 'proxy.config.http.request_line_max_size 65535',
      Envoy: 'max_request_headers_kb 96',
      'Node.js': '--max-http-header-size=65536',
    },
  },
  'request-head-limit': {
    severity: 'warning',
    settings: {
      nginx: 'large_client_header_buffers 4 32k',
      HAProxy: 'tune.bufsize 65536',
      Varnish: 'http_req_hdr_len 32k and http_req_size 128k',
      Squid: 'request_header_max_size 64 KB',
      'Apache httpd': 'LimitRequestFieldSize 32768',
      'Traffic Server': 'proxy.config.http.request_header_max_size 131072',
      Envoy: 'max_request_headers_kb 96',
      'Node.js': '--max-http-header-size=65536',
    },
  },
  'response-head-limit': {
    severity: 'warning',
    settings: {
      nginx: 'proxy_buffer_size 32k and proxy_busy_buffers_size 64k',
      HAProxy: 'tune.bufsize 65536',
      Varnish: 'http_resp_hdr_len 32k and http_resp_size 128k',
      Squid: 'reply_header_max_size 64 KB',
      'Apache httpd': 'responsefieldsize=32768 on ProxyPass',
      'Traffic Server': 'proxy.config.http.response_header_max_size 131072',
      'Node.js': '--max-http-header-size=65536',
    },
  },
  'upgrade-refused': {
    severity: 'note',
    settings: {
      nginx:
        'proxy_http_version 1.1, proxy_set_header Upgrade $http_upgrade and proxy_set_header Connection upgrade',
      Varnish: 'return (pipe) for Upgrade, and set bereq.http.Upgrade in vcl_pipe',
      Squid: 'http_upgrade_request_protocols websocket allow all',
      'Apache httpd': 'upgrade=websocket on ProxyPass (2.4.47 and newer)',
      Envoy: 'upgrade_configs with upgrade_type websocket',
      'Traffic Server': 'a map rule for ws://',
    },
  },
  'redirect-followed': {
    severity: 'warning',
    settings: {
      nginx: 'proxy_intercept_errors off',
      Varnish: 'no return (retry) for redirects',
      'Traffic Server': 'proxy.config.http.number_of_redirections 0',
    },
  },
  'location-changed': {
    severity: 'warning',
    settings: {
      nginx: 'proxy_redirect off',
      'Apache httpd': 'ProxyPassReverse for the origin only',
      HAProxy: 'no http-response replace-header Location',
      'Traffic Server': 'reverse_map for the origin only',
    },
  },
  'location-internal': {
    severity: 'warning',
    settings: {
      nginx: 'proxy_set_header Host $http_host, or proxy_redirect default',
      'Apache httpd': 'ProxyPassReverse, or ProxyPreserveHost On',
      'Traffic Server': 'a reverse_map rule, or proxy.config.url_remap.pristine_host_hdr 1',
      Squid: 'defaultsite of cache_peer',
      Sluiceway: "headers.location: 'rewrite' of the proxy",
    },
  },
  'path-changed': {
    severity: 'warning',
    settings: {
      nginx: 'proxy_pass without a path',
      'Apache httpd': 'AllowEncodedSlashes NoDecode, MergeSlashes Off and nocanon on ProxyPass',
      HAProxy: 'no http-request normalize-uri',
      Envoy: 'merge_slashes false and path_with_escaped_slashes_action KEEP_UNCHANGED',
      'Traffic Server': 'a map rule without a path',
    },
  },
} satisfies Record<string, Kind>;
