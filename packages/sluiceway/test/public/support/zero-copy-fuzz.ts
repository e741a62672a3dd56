// Opens and breaks transfers of a proxy with zero copy at random points: downloads, uploads and tunnels, many at a time, in
// one process that may open few files. Node runs this as it is. Prints what it has seen as JSON.
import { readdirSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { attach, createProxy } from 'sluiceway';

const [count = 1000, seed = 1, width = 20] = process.argv.slice(2).map(Number);
const PERIOD = 251;
const MAX = 1_500_000;
const pattern = Buffer.from(Uint8Array.from({ length: MAX + 2 * PERIOD }, (_, i) => i % PERIOD));

let state = seed;
const random = (below: number): number => {
  state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};

/** Content of a transfer: no two in a row are alike, so that bytes of another one are noticed. */
const contentOf = (id: number, from: number, to: number): Buffer =>
  pattern.subarray((id % PERIOD) + from, (id % PERIOD) + to);

const seen = { completed: 0, broken: 0, wrong: 0, zeroCopy: 0, outcomes: {} as Record<string, number> };

/** Ends a socket in one of several ways. */
function breakOff(socket: Socket): void {
  if (random(2) === 0) socket.resetAndDestroy();
  else socket.destroy();
}

/** Compares what arrives. Calls back with how much has, at the end. */
function check(socket: Socket, id: number, head: boolean, onBytes: (bytes: number) => void): void {
  let at = head ? -1 : 0;
  let text = '';
  socket.on('data', (data: Buffer) => {
    let bytes = data;
    if (at < 0) {
      text += data.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) return;
      bytes = Buffer.from(text.slice(end + 4), 'latin1');
      at = 0;
      if (!/^HTTP\/1.1 (?:200|101)/.test(text)) return void socket.destroy();
    }
    if (at + bytes.length > MAX || !bytes.equals(contentOf(id, at, at + bytes.length))) seen.wrong += 1;
    at += bytes.length;
    onBytes(at);
  });
}

/** Writes content, but breaks off after so many bytes. */
function send(socket: Socket, id: number, size: number, breakAt: number): void {
  let at = 0;
  const next = (): void => {
    for (;;) {
      if (socket.destroyed) return;
      if (at >= breakAt) return breakOff(socket);
      if (at === size) return;
      const to = Math.min(size, at + 1 + random(200_000));
      const isTaken = socket.write(contentOf(id, at, to));
      at = to;
      if (!isTaken) return void socket.once('drain', next);
    }
  };
  next();
}

interface Plan {
  kind: 'download' | 'upload' | 'tunnel';
  size: number;
  originBreaks: number;
  clientBreaks: number;
}

const plans = new Map<number, Plan>();
const never = Number.POSITIVE_INFINITY;

const origin = createServer((socket) => {
  socket.on('error', () => {});
  let text = '';
  const onHead = (data: Buffer): void => {
    text += data.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) return;
    socket.off('data', onHead);
    const id = Number(/^\w+ \/(\d+)/.exec(text)?.[1]);
    const { kind, size, originBreaks } = plans.get(id) as Plan;
    const rest = Buffer.from(text.slice(end + 4), 'latin1');
    if (kind === 'download') {
      socket.write(`HTTP/1.1 200 OK\r\nETag: "${id}"\r\nContent-Length: ${size}\r\n\r\n`);
      send(socket, id, size, originBreaks);
      text = '';
      socket.on('data', onHead);
    } else if (kind === 'upload') {
      check(socket, id, false, (bytes) => {
        if (bytes >= originBreaks) breakOff(socket);
        else if (bytes === size)
          socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok');
      });
      if (rest.length > 0) socket.emit('data', rest);
    } else {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n');
      check(socket, id, false, (bytes) => bytes >= originBreaks && breakOff(socket));
      if (rest.length > 0) socket.emit('data', rest);
      send(socket, id, size, never);
    }
  };
  socket.on('data', onHead);
});

const listen = (server: {
  listen(port: number, host: string, then: () => void): unknown;
  address(): unknown;
}) =>
  new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });

const originPort = await listen(origin);
const proxy = createProxy({
  upstream: `http://127.0.0.1:${originPort}`,
  zeroCopy: true,
  resume: false,
  timeouts: { clientIdle: '5s', upstreamIdle: '5s', tunnelIdle: '1s', connect: '5s', responseHead: '5s' },
  observers: [
    {
      onTransferEnd: ({ outcome, zeroCopy }) => {
        seen.outcomes[outcome] = (seen.outcomes[outcome] ?? 0) + 1;
        if (zeroCopy) seen.zeroCopy += 1;
      },
    },
  ],
});
const server = createHttpServer();
attach(server, proxy);
const port = await listen(server);

/** One client, to its end. */
function run(id: number): Promise<void> {
  const kind = (['download', 'upload', 'tunnel'] as const)[random(3)] ?? 'download';
  const size = 1 + random(MAX - 1);
  const who = random(4);
  const plan: Plan = {
    kind,
    size,
    originBreaks: who === 0 ? 1 + random(size) : never,
    clientBreaks: who === 1 ? 1 + random(size) : never,
  };
  plans.set(id, plan);
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let isWhole = false;
    socket.on('error', () => {});
    socket.on('close', () => {
      if (isWhole) seen.completed += 1;
      else seen.broken += 1;
      resolve();
    });
    const wanted = kind === 'upload' ? 2 : size;
    socket.on('connect', () => {
      if (kind === 'upload') {
        socket.write(`PUT /${id} HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
        send(socket, id, size, plan.clientBreaks);
        socket.on('data', (data) => {
          isWhole = /^HTTP\/1.1 200[^]*ok$/.test(data.toString('latin1'));
          socket.destroy();
        });
        return;
      }
      const upgrade = kind === 'tunnel' ? 'Connection: Upgrade\r\nUpgrade: raw\r\n' : '';
      socket.write(`GET /${id} HTTP/1.1\r\nHost: a\r\n${upgrade}\r\n`);
      check(socket, id, true, (bytes) => {
        if (kind === 'tunnel' && bytes === size) setTimeout(() => send(socket, id, size, size), 0);
        if (bytes < plan.clientBreaks && bytes < wanted) {
          // Some read slowly, so that bytes wait in a pipe.
          if (random(8) !== 0) return;
          socket.pause();
          setTimeout(() => socket.resume(), random(20));
          return;
        }
        isWhole = bytes === wanted;
        breakOff(socket);
      });
    });
  });
}

const openFiles = (): number => readdirSync('/proc/self/fd').length;

async function batch(from: number, to: number): Promise<number> {
  let id = from;
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (; id < to; ) {
        id += 1;
        await run(id);
      }
    }),
  );
  const deadline = Date.now() + 20_000;
  while ((proxy.active > 0 || (await connections()) > 0) && Date.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 20));
  return openFiles();
}

const connections = (): Promise<number> =>
  new Promise((resolve) => server.getConnections((_, all) => resolve(all)));

const before = await batch(0, 50);
const after = await batch(50, count);
process.stdout.write(JSON.stringify({ ...seen, before, after, active: proxy.active }));
process.exit(0);
