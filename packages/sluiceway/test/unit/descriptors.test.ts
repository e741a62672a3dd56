import net, { type AddressInfo, createServer, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { anyAddress } from '../../src/net/address-policy.js';
import { dial } from '../../src/net/dialer.js';
import { addIdleSocket, closeIdleSockets, deleteIdleSocket } from '../../src/net/idle-sockets.js';

const stops: (() => unknown)[] = [];
beforeEach(() => {
  // Other tests of this process may have left some.
  while (closeIdleSockets() > 0);
});
afterEach(() => {
  vi.restoreAllMocks();
  for (const stop of stops.splice(0)) stop();
});

/** Idle connections that tell which of them were closed. */
function keepIdle(count: number): number[] {
  const closed: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const socket = { destroy: () => void closed.push(i) };
    addIdleSocket(socket);
    stops.push(() => deleteIdleSocket(socket));
  }
  return closed;
}

/** The next connections find no descriptor. */
function runOut(times: number, code: string): void {
  const connect = vi.spyOn(net, 'connect');
  for (let i = 0; i < times; i += 1) {
    connect.mockImplementationOnce(() => {
      const socket = new Socket();
      process.nextTick(() => socket.destroy(Object.assign(new Error(`connect ${code}`), { code })));
      return socket;
    });
  }
}

async function connectOnce(): Promise<string> {
  const server = createServer((socket) => void socket.on('error', () => {}));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve) => {
    dial(
      {
        destination: { protocol: 'http:', hostname: '127.0.0.1', port },
        policy: anyAddress,
        connectTimeoutMs: 5000,
      },
      {
        connected: (socket) => {
          socket.destroy();
          resolve('connected');
        },
        failed: ({ code }) => resolve(code),
      },
    );
  });
}

describe('where descriptors have run out', () => {
  test.for(['EMFILE', 'ENFILE'])(
    '(%s) the oldest idle connections are closed, and connecting is tried again [Sluiceway]',
    async (code) => {
      const closed = keepIdle(8);
      runOut(1, code);
      expect(await connectOnce()).toBe('connected');
      expect(closed).toEqual([0, 1]);
    },
  );

  test('for longer, connecting is tried a few times and then fails [Sluiceway]', async () => {
    const closed = keepIdle(100);
    runOut(10, 'EMFILE');
    expect(await connectOnce()).toBe('connection_limit_reached');
    expect(net.connect).toHaveBeenCalledTimes(4);
    expect(closed.length).toBeLessThan(100);
  });

  test('and nothing is idle, connecting fails at once [Sluiceway]', async () => {
    runOut(2, 'EMFILE');
    expect(await connectOnce()).toBe('connection_limit_reached');
    expect(net.connect).toHaveBeenCalledTimes(1);
  });
});
