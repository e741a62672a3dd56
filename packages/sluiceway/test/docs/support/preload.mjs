// Runs in every example before its own code: tells the test on which port the example listens, and ends the
// example when the test is gone. It does not keep an example alive that has ended by itself.
import { subscribe } from 'node:diagnostics_channel';

subscribe('tracing:net.server.listen:asyncEnd', (message) => {
  const { server } = /** @type {{ server: import('node:net').Server }} */ (message);
  const address = server.address();
  if (address !== null && typeof address === 'object') process.send?.({ port: address.port });
});
process.once('disconnect', () => process.exit());
process.channel?.unref();
