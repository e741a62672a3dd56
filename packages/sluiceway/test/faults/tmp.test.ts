import { test } from '../support/fixture.js';
import { sized, through } from '../support/through.js';
test('x', async ({ net }) => {
  const { client, running } = await through(net, async (connection) => {
    for (;;) {
      const h = await connection.readHead();
      if (h.target === '/slow') await new Promise((r) => setTimeout(r, 300));
      await connection.write(sized(h.target));
    }
  });
  await client.send('GET /slow HTTP/1.1\r\nHost: test\r\n\r\nGET /up HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  const { bytes, ended } = await client.readUntilClose();
  console.error('OUT', JSON.stringify(bytes.toString()), ended, JSON.stringify(running.records));
});
