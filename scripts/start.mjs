// `npm start`: the demonstration server. It runs in this process, so signals, exit code, PORT and
// every other part of the environment reach it as they are. package.json says `exec` so that no shell stands
// between npm and this process: on Debian that shell would die of npm's SIGTERM and leave this one behind.
// What follows `||` there is for Windows, which knows no exec.
import { ensureInstalled } from './ensure-installed.mjs';

ensureInstalled();
// Not a literal: there is no such file until the line above has run.
await import(new URL('../packages/server/dist/demo/main.js', import.meta.url).href);
