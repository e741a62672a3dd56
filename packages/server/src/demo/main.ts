import { createServer } from 'node:net';
import { createLinks, formatKeys, generateKey } from 'sluiceway/gateway';
import { ConfigError } from '../config/config-error.js';
import { createDemoServer } from './demo-server.js';
import {
  isOriginProcess,
  makeTraffic,
  type OriginProcess,
  runOriginProcess,
  startOriginProcess,
} from './origin-process.js';
import { describeDemo } from './tour.js';

const DEFAULT_ADMIN_PORT = 9180;

/** Starts origin servers and a server in front of them, and prints what to try. */
async function main(): Promise<void> {
  const { env, pid, platform } = process;
  for (const name of ['PORT', 'ADMIN_PORT'])
    if (!isPort(env[name])) return fail(`${name} must be a number from 0 to 65535, not ${env[name]}`, 2);

  const origin = await startOriginProcess(import.meta.url);
  const key = generateKey();
  Object.assign(env, {
    ORIGIN: origin.url,
    LIBRARY_A: origin.library[0],
    LIBRARY_B: origin.library[1],
    LINK_KEYS: formatKeys([key]),
    ADMIN_PORT: await chooseAdminPort(env),
  });
  const server = createDemoServer(origin);
  try {
    await server.start();
  } catch (error) {
    stopOrigin(origin);
    if (!(error instanceof ConfigError)) throw error;
    const [problem] = error.problems;
    return fail(`${problem?.message ?? error.message}. Choose another port: PORT=8081 npm start`, 1);
  }

  const stop = () => {
    server.destroy();
    stopOrigin(origin);
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  origin.child.once('exit', () => {
    stop();
    fail('the origin server has ended', 1);
  });
  const [url = ''] = server.urls;
  makeTraffic(origin, 'keep', url);
  const links = createLinks({ keys: [key], base: url });
  const link = links.sign({ url: `${origin.url}/files/100MiB`, expires: '1h', filename: '100MiB.bin' });
  const dashboardUrl = `${server.adminUrl ?? ''}/`;
  console.log(describeDemo({ dashboardUrl, link, url, originUrl: origin.url, pid, platform }));
}

const stopOrigin = ({ child }: OriginProcess): void => void child.removeAllListeners('exit').kill();

/** 9180 as by default, unless another program has it or `PORT` chooses a port, too. */
async function chooseAdminPort({ PORT = '', ADMIN_PORT = '' }: NodeJS.ProcessEnv): Promise<string> {
  if (ADMIN_PORT !== '') return ADMIN_PORT;
  return PORT === '' && (await isFree(DEFAULT_ADMIN_PORT)) ? String(DEFAULT_ADMIN_PORT) : '0';
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** An empty text is valid: the configuration has a default port. */
function isPort(text = ''): boolean {
  return text === '' || (/^\d+$/.test(text) && Number(text) <= 65_535);
}

function fail(message: string, code: number): void {
  console.error(`demo: ${message}`);
  process.exitCode = code;
}

if (isOriginProcess()) runOriginProcess();
else void main();
