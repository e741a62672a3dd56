import { fileURLToPath } from 'node:url';
import { createLinks, formatKeys, generateKey } from 'sluiceway/gateway';
import { ConfigError } from '../config/config-error.js';
import { ConfigFile } from '../config/file.js';
import { configMembers } from '../config/options.js';
import { checkOnly, compile } from '../server/compile.js';
import { Service } from '../server/service.js';
import {
  isOriginProcess,
  type OriginProcess,
  runOriginProcess,
  startOriginProcess,
} from './origin-process.js';
import { describeDemo } from './tour.js';

const configuration = fileURLToPath(new URL('../../demo/sluiceway.yaml', import.meta.url));

/** Starts an origin server and a server in front of it, and prints what to try. */
async function main(): Promise<void> {
  const { env, pid, platform } = process;
  if (!isPort(env['PORT'])) return fail(`PORT must be a number from 0 to 65535, not ${env['PORT']}`, 2);

  const origin = await startOriginProcess(import.meta.url);
  const key = generateKey();
  env['ORIGIN'] = origin.url;
  env['LINK_KEYS'] = formatKeys([key]);
  let service: Service;
  try {
    service = await Service.start(compile(new ConfigFile(configuration, configMembers), checkOnly), {
      observersOf: () => [],
      onConnectionFailure: ({ message }) => console.error(`demo: ${message}`),
      onCertificate: () => {},
    });
  } catch (error) {
    stopOrigin(origin);
    if (!(error instanceof ConfigError)) throw error;
    const [problem] = error.problems;
    return fail(`${problem?.message ?? error.message}. Choose another port: PORT=8081 npm start`, 1);
  }

  const stop = () => {
    service.destroy();
    stopOrigin(origin);
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  origin.child.once('exit', () => {
    stop();
    fail('the origin server has ended', 1);
  });
  const [url = ''] = service.urls;
  const links = createLinks({ keys: [key], base: url });
  const link = links.sign({ url: `${origin.url}/files/100MiB`, expires: '1h', filename: '100MiB.bin' });
  console.log(describeDemo({ link, url, originUrl: origin.url, pid, platform }));
}

const stopOrigin = ({ child }: OriginProcess): void => void child.removeAllListeners('exit').kill();

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
