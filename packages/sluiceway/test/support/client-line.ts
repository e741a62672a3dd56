import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Network } from './fixture.js';
import { type NodeOrigin, type NodeOriginOptions, nodeOrigin } from './node-origin.js';
import type { Tool } from './requirements.js';
import type { ProxyListenOptions, ProxyOptions, RunningProxy } from './servers.js';
import { fileDigest, runTool, scratchFolder, type ToolOptions, type ToolRun } from './tool.js';

/** A program as the client, a proxy and an origin server of `node:http` in line. */
export interface ClientLine {
  origin: NodeOrigin;
  running: RunningProxy;
  /** The URL of the proxy, without a path. */
  url: string;
  /** The folder in which the program runs. With TLS, the program has to trust the file `ca.pem` in it. */
  folder: string;
  run(...args: string[]): Promise<ToolRun>;
  runWith(options: Omit<ToolOptions, 'in'>, ...args: string[]): Promise<ToolRun>;
  /** The SHA-256 of a file in the folder. */
  digest(name: string): Promise<string>;
  /** The size of a file in the folder; 0 while it does not exist. */
  size(name: string): number;
}

export interface ClientLineOptions extends NodeOriginOptions {
  proxy?: Omit<ProxyOptions, 'upstream'>;
  listen?: ProxyListenOptions;
}

/** `command`: the program and its first arguments. */
export async function clientLine(
  net: Network,
  command: readonly [Tool, ...string[]],
  listener: Parameters<typeof nodeOrigin>[1],
  options: ClientLineOptions = {},
): Promise<ClientLine> {
  const { proxy, listen = {} } = options;
  const origin = await nodeOrigin(net, listener, options);
  const running = await net.proxy({ upstream: origin.url, ...proxy }, listen);
  const folder = scratchFolder(net);
  if (running.ca !== undefined) writeFileSync(join(folder, 'ca.pem'), running.ca);
  const [program, ...first] = command;
  const runWith: ClientLine['runWith'] = (more, ...args) =>
    runTool(net, program, [...first, ...args], { ...more, in: folder });
  return {
    origin,
    running,
    url: running.ca !== undefined ? `https://localhost:${running.port}` : `http://127.0.0.1:${running.port}`,
    folder,
    runWith,
    run: (...args) => runWith({}, ...args),
    digest: (name) => fileDigest(join(folder, name)),
    size: (name) => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0,
  };
}
