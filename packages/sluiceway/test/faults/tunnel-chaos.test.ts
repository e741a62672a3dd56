import { test } from '../support/fixture.js';
import { runTunnelChaos } from '../support/tunnel-chaos.js';

test('100 tunnels in which each side sends, pauses, ends its half or breaks off carry everything where nobody breaks off [Go ReverseProxy]', async ({
  net,
}) => {
  await runTunnelChaos(net, 100, 1, 8);
});
