import { createServer } from 'node:http';
import { attach, createProxy } from 'sluiceway';
import { ListenError, listen } from '../server/listen.js';
import { isOriginProcess, runOriginProcess, startOriginProcess } from './origin-process.js';
import { describeDemo } from './tour.js';

/** Starts an origin server and a proxy in front of it, and says what can be done with them. */
async function main(): Promise<void> {
  const port = readPort(process.env['PORT']);
  if (port === null) return fail(`PORT must be a number from 0 to 65535, not ${process.env['PORT']}`, 2);

  const origin = await startOriginProcess(import.meta.url);
  const proxy = createProxy({ upstream: origin.url });
  const server = createServer();
  attach(server, proxy);

  const stop = () => {
    proxy.destroy();
    server.close();
    server.closeAllConnections();
    origin.child.removeAllListeners('exit').kill();
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  origin.child.once('exit', () => {
    stop();
    fail('the origin server has ended', 1);
  });

  try {
    const url = await listen(server, { host: '127.0.0.1', port }, (error) =>
      console.error(`demo: ${error.message}`),
    );
    console.log(describeDemo({ url, originUrl: origin.url, pid: process.pid, platform: process.platform }));
  } catch (error) {
    stop();
    if (!(error instanceof ListenError)) throw error;
    fail(`${error.message}. Choose another port: PORT=8081 npm start`, 1);
  }
}

/** 8080 unless the environment says otherwise; null for what is no port. */
function readPort(text: string | undefined): number | null {
  if (text === undefined || text === '') return 8080;
  return /^\d+$/.test(text) && Number(text) <= 65_535 ? Number(text) : null;
}

function fail(message: string, code: number): void {
  console.error(`demo: ${message}`);
  process.exitCode = code;
}

if (isOriginProcess()) runOriginProcess();
else void main();
