import { describe, expect } from 'vitest';
import { test } from '../../../sluiceway/test/support/fixture.js';
import { describeWith, requireTool, type Tool } from '../../../sluiceway/test/support/requirements.js';
import { probes } from '../../src/doctor/probes/all.js';
import type { ProxyName } from './proxies.js';
import { runDoctor, startEchoOrigin, startProxy } from './start-chain.js';

const nginx = requireTool('nginx');
const haproxy = requireTool('haproxy');
const varnishd = requireTool('varnishd');
const squid = requireTool('squid');
const apache2 = requireTool('apache2');
const traffic_server = requireTool('traffic_server');

/** The tests of timeouts, and of what is stored, take too long here: those of planted limits have them. */
const only = probes
  .filter(({ name, isSlow }) => isSlow !== true || name === 'tunnels')
  .flatMap(({ name }) => ['--only', name]);

/** Runs the tests against the proxy with its defaults, and compares the findings. */
function expectDefaults(tool: Tool, name: ProxyName, product: string, expected: readonly string[]): void {
  test('finds what they do, and nothing else [Sluiceway]', { timeout: 150_000 }, async ({ net }) => {
    const port = await startProxy(net, tool, name, await startEchoOrigin(net));
    const { report, ids } = await runDoctor(
      net,
      `http://127.0.0.1:${port}/`,
      ...['--quick', '--silence', '1s'],
      ...only,
    );
    expect(ids.toSorted(), JSON.stringify(report.findings, null, 1)).toEqual(expected);
    expect(report.notTested.map(({ probe }) => probe)).toEqual(['protocols', 'http2-downloads']);
    expect(report.hops[0]?.products).toEqual([product]);
    expect(report.findings.every((finding) => finding.hop.product === product)).toBe(true);
  });
}

// Most of the time they wait.
describe.concurrent('doctor and defaults', () => {
  describeWith(haproxy)('doctor with the defaults of HAProxy', () => {
    expectDefaults(haproxy, 'haproxy', 'HAProxy', []);
  });

  describeWith(nginx)('doctor with the defaults of nginx', () => {
    expectDefaults(nginx, 'nginx', 'nginx', [
      'early-hints-lost',
      'expect-answered',
      'http-1.0',
      'request-trailers-lost',
      'response-buffered',
      'response-completed',
      'response-head-limit',
      'trailers-lost',
      'underscores-lost',
      'upgrade-refused',
      'upload-buffered',
      'upload-limit',
    ]);
  });

  describeWith(varnishd)('doctor with the defaults of Varnish', () => {
    expectDefaults(varnishd, 'varnishd', 'Varnish', [
      'early-hints-refused',
      'early-response-held',
      'expect-answered',
      'head-as-get',
      'range-expanded',
      'request-trailers-refused',
      'response-buffered',
      'trailers-refused',
      'upgrade-refused',
      'upload-completed',
      'upload-start-held',
    ]);
  });

  describeWith(squid)('doctor with the defaults of Squid', () => {
    expectDefaults(squid, 'squid', 'Squid', ['request-trailers-lost', 'trailers-lost', 'upgrade-refused']);
  });

  describeWith(apache2)('doctor with the defaults of Apache httpd', () => {
    expectDefaults(apache2, 'apache2', 'Apache httpd', [
      'early-response-held',
      'path-changed',
      'request-trailers-lost',
      'trailers-lost',
      'upgrade-refused',
      'upload-start-held',
    ]);
  });

  describeWith(traffic_server)('doctor with the defaults of Traffic Server', () => {
    expectDefaults(traffic_server, 'traffic_server', 'Traffic Server', ['location-internal']);
  });
});
