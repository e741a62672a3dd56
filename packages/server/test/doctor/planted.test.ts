import { describe, expect } from 'vitest';
import { test } from '../../../sluiceway/test/support/fixture.js';
import { describeWith, requireTool, type Tool } from '../../../sluiceway/test/support/requirements.js';
import type { ProxyName } from './proxies.js';
import { runDoctor, settingsOf, startEchoOrigin, startProxy } from './start-chain.js';

const nginx = requireTool('nginx');
const haproxy = requireTool('haproxy');
const varnishd = requireTool('varnishd');
const squid = requireTool('squid');
const apache2 = requireTool('apache2');
const traffic_server = requireTool('traffic_server');

interface Plant {
  /** The limits of the proxy. */
  settings: readonly string[];
  tests: readonly string[];
  /** A part of what the doctor says to set, for each kind of finding. There are no other findings. */
  expected: Readonly<Record<string, string>>;
  /** Tests that are not possible, with the reasons. */
  notTested?: readonly (readonly [name: string, reason: string])[];
}

const silences = ['head-silence', 'content-silence', 'client-silence', 'upload-silence'];

/** Runs the tests against the proxy with these limits, and compares the findings. */
function expectNamed(tool: Tool, name: ProxyName, plants: Readonly<Record<string, Plant>>): void {
  for (const [title, { settings, tests, expected, notTested = [] }] of Object.entries(plants)) {
    test(title, { timeout: 150_000 }, async ({ net }) => {
      const port = await startProxy(net, tool, name, await startEchoOrigin(net), settings);
      const only = tests.flatMap((each) => ['--only', each]);
      const { report, code } = await runDoctor(
        net,
        `http://127.0.0.1:${port}/`,
        // Several times the planted two seconds: Traffic Server and Squid look at their timeouts once a second or less.
        ...['--quick', '--silence', name === 'squid' || name === 'traffic_server' ? '8s' : '6s'],
        ...only,
      );
      expect(report.notTested).toEqual(notTested.map(([probe, reason]) => ({ probe, reason })));
      const found = settingsOf(report);
      expect(Object.keys(found).toSorted(), JSON.stringify(report.findings, null, 1)).toEqual(
        Object.keys(expected).toSorted(),
      );
      for (const [kind, setting] of Object.entries(expected)) expect(found[kind], kind).toContain(setting);
      const isNote = report.findings.every(({ severity }) => severity === 'note');
      expect(code).toBe(isNote ? 0 : 1);
    });
  }
}

// Most of the time they wait.
describe.concurrent('doctor and planted limits', () => {
  describeWith(nginx)('doctor with nginx', () => {
    expectNamed(nginx, 'nginx', {
      'names the timeouts and sizes that are too small, and compression [nginx]': {
        settings: [
          ...[
            'proxy_read_timeout 2s',
            'send_timeout 2s',
            'client_body_timeout 2s',
            'client_max_body_size 2m',
          ],
          ...['large_client_header_buffers 4 2k', 'gzip on', 'gzip_types *', 'gzip_proxied any'],
        ],
        tests: [...silences, 'large-upload', 'head-sizes', 'compression'],
        expected: {
          'head-silence': 'nginx: proxy_read_timeout',
          'content-silence': 'nginx: proxy_read_timeout',
          'client-silence': 'nginx: send_timeout',
          'upload-silence': 'nginx: client_body_timeout',
          'upload-limit': 'nginx: client_max_body_size',
          'url-limit': 'nginx: large_client_header_buffers',
          'request-head-limit': 'nginx: large_client_header_buffers',
          'response-head-limit': 'nginx: proxy_buffer_size',
          compressed: 'nginx: gzip off',
          'validator-weakened': 'nginx: gzip off',
        },
      },
      'takes a limit of sizes for no limit of times [nginx]': {
        settings: ['client_max_body_size 100k', 'proxy_http_version 1.1'],
        tests: ['steady-upload', 'fields'],
        expected: { 'underscores-lost': 'nginx: underscores_in_headers on' },
        notTested: [['steady-upload', 'an upload of 180,224 bytes gets 413']],
      },
      'names the buffers and HTTP/1.0 of its defaults, and a temporary file of 1 MiB [nginx]': {
        settings: ['proxy_max_temp_file_size 1m'],
        tests: [
          'stored-responses',
          'held-responses',
          'held-uploads',
          'fields',
          'broken-downloads',
          'tunnels',
        ],
        expected: {
          'response-stored': 'nginx: proxy_max_temp_file_size',
          'response-buffered': 'nginx: proxy_buffering off',
          'upload-buffered': 'nginx: proxy_request_buffering off',
          'http-1.0': 'nginx: proxy_http_version 1.1',
          'response-completed': 'nginx: proxy_http_version 1.1',
          'underscores-lost': 'nginx: underscores_in_headers on',
          'upgrade-refused': 'nginx: proxy_http_version 1.1, proxy_set_header Upgrade',
        },
      },
    });
  });

  describeWith(haproxy)('doctor with HAProxy', () => {
    expectNamed(haproxy, 'haproxy', {
      'names the timeouts of the server and of tunnels, held uploads, compression and a lost field [HAProxy]':
        {
          settings: [
            ...['timeout server 2s', 'timeout tunnel 2s', 'option http-buffer-request'],
            ...[
              'compression algo gzip',
              'compression type text/plain',
              'http-response del-header Content-Disposition',
            ],
          ],
          tests: ['head-silence', 'content-silence', 'tunnels', 'held-uploads', 'compression', 'fields'],
          expected: {
            'head-silence': 'HAProxy: timeout server',
            'content-silence': 'HAProxy: timeout server',
            'tunnel-silence': 'HAProxy: timeout tunnel',
            'upload-start-held': 'HAProxy: no option http-buffer-request',
            compressed: 'HAProxy: compression type',
            'validator-weakened': 'HAProxy: no compression',
            'response-fields-lost': 'HAProxy: no http-response del-header',
          },
        },
      'names the timeout of the client [HAProxy]': {
        settings: ['timeout client 2s'],
        tests: ['head-silence', 'content-silence', 'client-silence'],
        expected: { 'client-silence': 'HAProxy: timeout client' },
      },
    });
  });

  describeWith(varnishd)('doctor with Varnish', () => {
    expectNamed(varnishd, 'varnishd', {
      'names timeouts, sizes of fields, ranges that are off, and what its cache stores [Varnish]': {
        settings: [
          ...[
            'first_byte_timeout=2',
            'between_bytes_timeout=2',
            'http_resp_hdr_len=1k',
            'http_req_hdr_len=1k',
          ],
          'http_range_support=off',
        ],
        tests: [
          'head-silence',
          'content-silence',
          'head-sizes',
          'ranges',
          'stored-responses',
          'head-requests',
        ],
        expected: {
          'head-silence': 'Varnish: first_byte_timeout',
          'content-silence': 'Varnish: between_bytes_timeout',
          'request-head-limit': 'Varnish: http_req_hdr_len',
          'response-head-limit': 'Varnish: http_resp_hdr_len',
          'range-lost': 'Varnish: http_range_support on',
          'if-range-lost': 'Varnish: return (pass)',
          'response-stored': 'Varnish: return (pass)',
          'head-as-get': 'Varnish: return (pass)',
        },
      },
    });
  });

  describeWith(squid)('doctor with Squid', () => {
    expectNamed(squid, 'squid', {
      'names the buffer of its defaults for uploads, and takes it for no limit of their size [Squid]': {
        settings: [],
        tests: ['outrun-uploads', 'large-upload'],
        expected: { 'upload-outrun': 'Squid: client_request_buffer_max_size' },
      },
      'names the timeout of reads, and the sizes of content and heads [Squid]': {
        settings: [
          ...['read_timeout 2 seconds', 'request_body_max_size 1 MB', 'reply_body_max_size 4 MB'],
          ...['reply_header_max_size 4 KB', 'request_header_max_size 4 KB'],
        ],
        tests: ['head-silence', 'content-silence', 'large-upload', 'large-download', 'head-sizes'],
        expected: {
          'head-silence': 'Squid: read_timeout',
          'content-silence': 'Squid: read_timeout',
          'upload-limit': 'Squid: request_body_max_size',
          'download-cut': 'Squid: reply_body_max_size',
          'url-limit': 'Squid: request_header_max_size',
          'request-head-limit': 'Squid: request_header_max_size',
          'response-head-limit': 'Squid: reply_header_max_size',
        },
      },
    });
  });

  describeWith(apache2)('doctor with Apache httpd', () => {
    expectNamed(apache2, 'apache2', {
      'names timeouts, sizes of heads, compression and escaped slashes [Apache httpd]': {
        settings: [
          ...[
            'ProxyTimeout 2',
            'LimitRequestLine 1000',
            'LimitRequestFieldSize 2000',
            'RequestReadTimeout body=2',
          ],
          'SetOutputFilter DEFLATE',
        ],
        tests: ['head-silence', 'content-silence', 'steady-upload', 'head-sizes', 'compression', 'paths'],
        expected: {
          'head-silence': 'Apache httpd: ProxyTimeout',
          'content-silence': 'Apache httpd: ProxyTimeout',
          'upload-time': 'Apache httpd: RequestReadTimeout',
          'url-limit': 'Apache httpd: LimitRequestLine',
          'request-head-limit': 'Apache httpd: LimitRequestFieldSize',
          compressed: 'Apache httpd: SetEnv no-gzip',
          'validator-lost': 'Apache httpd: DeflateAlterETag NoChange',
          'path-changed': 'Apache httpd: AllowEncodedSlashes',
        },
      },
    });
  });

  describeWith(traffic_server)('doctor with Traffic Server', () => {
    expectNamed(traffic_server, 'traffic_server', {
      'names the timeout of the origin, the size of uploads and a redirect to an internal name [Traffic Server]':
        {
          settings: [
            'proxy.config.http.transaction_no_activity_timeout_out INT 2',
            'proxy.config.http.connect_attempts_max_retries INT 0',
            'proxy.config.http.max_post_size INT 1000000',
          ],
          tests: ['head-silence', 'content-silence', 'large-upload', 'redirects'],
          expected: {
            'head-silence': 'Traffic Server: proxy.config.http.transaction_no_activity_timeout_out',
            'content-silence': 'Traffic Server: proxy.config.http.transaction_no_activity_timeout_out',
            'upload-limit': 'Traffic Server: proxy.config.http.max_post_size',
            'location-internal': 'Traffic Server: a reverse_map rule',
          },
        },
      'names the timeout of the client [Traffic Server]': {
        settings: ['proxy.config.http.transaction_no_activity_timeout_in INT 2'],
        tests: ['client-silence'],
        expected: {
          'client-silence': 'Traffic Server: proxy.config.http.transaction_no_activity_timeout_in',
        },
      },
    });
  });
});
