// Does in a fresh clone what the README tells a new user to do, all tests included, on a machine that has Node, npm,
// git and a shell and nothing else. It clones the last commit and refuses when the tree has changes, which the clone
// would not contain; `--worktree` copies the tree as it is instead.
import { ok, strictEqual } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeBareMachine } from './fresh-clone/bare-machine.mjs';
import { output, root } from './support.mjs';

const startDeadlineMs = 180_000;
const stopDeadlineMs = 15_000;

const machine = makeBareMachine();
const clone = join(machine.folder, 'sluiceway');
if (process.argv.includes('--worktree')) copyWorktree();
else cloneHead();
machine.give(clone);

await checkStart();
console.log('npm start with nothing installed: installs, builds, serves files, stops on SIGTERM');
const { version } = /** @type {{ version: string }} */ (
  JSON.parse(readFileSync(join(clone, 'packages/server/package.json'), 'utf8'))
);
strictEqual(machine.run('npx', ['--no-install', 'sluiceway', '--version'], clone).trim(), version);
strictEqual(machine.run(join(clone, 'node_modules/.bin/sluiceway'), ['--version'], clone).trim(), version);
console.log(`npx sluiceway --version: ${version}`);

removeInstalled();
machine.run('npm', ['ci', '--no-audit', '--no-fund'], clone);
console.log('npm ci: installs and builds');
await checkStart();
console.log('npm start: serves files, stops on SIGTERM');

removeInstalled();
const tested = await machine.show('npm', ['test'], clone);
ok(existsSync(join(clone, 'node_modules/.package-lock.json')));
const lastLine = tested.trimEnd().split('\n').at(-1) ?? '';
ok(/^[1-9]\d* passed, 0 failed$/.test(lastLine), `npm test ended with: ${lastLine}`);
// Where the tests found curl, they were not on the machine that they were to be on.
for (const tool of ['curl', 'chromium', 'nginx', 'python3', 'openssl'])
  ok(tested.includes(`skipped: ${tool} is not installed`), `npm test has found ${tool}`);
console.log('npm test with nothing installed: installs, builds, and every test passes or is skipped');

function removeInstalled() {
  rmSync(join(clone, 'node_modules'), { recursive: true });
  for (const name of ['sluiceway', 'server'])
    for (const made of ['dist', 'node_modules'])
      rmSync(join(clone, 'packages', name, made), { recursive: true, force: true });
}

function cloneHead() {
  const changes = output('git', ['status', '--porcelain']);
  if (changes !== '') {
    console.error(`not committed, so a clone would not have it (try --worktree):\n${changes}`);
    process.exit(1);
  }
  output('git', ['clone', '--quiet', root, clone]);
}

function copyWorktree() {
  const listed = output('git', ['ls-files', '-co', '--exclude-standard', '-z']);
  for (const path of listed.split('\0')) {
    // Git lists what is deleted but still in its index.
    if (path === '' || !existsSync(join(root, path))) continue;
    mkdirSync(dirname(join(clone, path)), { recursive: true });
    copyFileSync(join(root, path), join(clone, path));
  }
}

/** `npm start` on a free port, one file fetched and compared, then SIGTERM, which must end it with 0. */
async function checkStart() {
  const port = await freePort();
  // A group of its own, so that a failure here can end npm's children with it.
  const npm = machine.start('npm', ['start'], clone, { PORT: String(port) });
  let printed = '';
  for (const stream of [npm.stdout, npm.stderr]) {
    stream.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
      printed += text;
    });
  }
  const exited = once(npm, 'exit');
  try {
    const url = `http://127.0.0.1:${port}`;
    await answers(url, npm);
    const content = Buffer.from(await (await get(`${url}/files/1MiB`)).arrayBuffer());
    const digest = await (await get(`${url}/files/1MiB.sha256`)).text();
    strictEqual(content.length, 1024 * 1024);
    strictEqual(digest.slice(0, 64), createHash('sha256').update(content).digest('hex'));
    ok(npm.kill('SIGTERM'));
    const end = await Promise.race([exited, sleep(stopDeadlineMs, undefined, { ref: false })]);
    ok(end, `still there ${stopDeadlineMs / 1000} s after SIGTERM`);
    strictEqual(end[0], 0, `ended with ${end.join(' ')} after SIGTERM`);
  } catch (error) {
    console.error(`npm start printed:\n${printed}`);
    throw error;
  } finally {
    if (npm.pid !== undefined) killGroup(npm.pid);
  }
}

/** @param {number} pid */
function killGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left in it, as it should be.
  }
}

/**
 * @param {string} url
 * @param {import('node:child_process').ChildProcess} npm
 */
async function answers(url, npm) {
  const deadline = Date.now() + startDeadlineMs;
  while (Date.now() < deadline) {
    strictEqual(npm.exitCode, null, 'npm start ended before its URL answered');
    try {
      await (await get(url)).arrayBuffer();
      return;
    } catch {
      await sleep(100);
    }
  }
  throw new Error(`${url} did not answer within ${startDeadlineMs / 1000} s`);
}

/** @param {string} url */
async function get(url) {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  strictEqual(response.status, 200, url);
  return response;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  ok(address !== null && typeof address === 'object');
  return address.port;
}
