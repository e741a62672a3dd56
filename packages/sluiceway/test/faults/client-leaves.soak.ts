import { runAborts } from '../support/aborts.js';
import { test } from '../support/fixture.js';

test('1000 clients that leave, in every phase and every way, leave no socket and no descriptor on either side [Go ReverseProxy; Node]', async ({
  net,
}) => {
  await runAborts(net, 1000);
});
