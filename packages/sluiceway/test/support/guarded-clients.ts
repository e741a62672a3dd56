import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { text } from 'node:stream/consumers';
import { Agent, request as undiciRequest } from 'undici';
import {
  GuardedAgent,
  type GuardedConnectOptions,
  GuardedHttpsAgent,
  guardedConnect,
  type Resolver,
} from '../../src/guard.js';

export interface GuardedClient {
  /** Returns the content of a response. Rejects with the error of the client. `more`: the client's own options. */
  get(url: string, more?: object): Promise<string>;
  close(): Promise<void>;
}

const pool = { keepAlive: true };

/** Third-party clients that connect through the guard. */
export const guardedClients: Readonly<Record<string, (options?: GuardedConnectOptions) => GuardedClient>> = {
  undici: (options) => {
    const agent = new Agent({ connections: 1, connect: guardedConnect(options) });
    return {
      async get(url) {
        const { body } = await undiciRequest(url, { dispatcher: agent });
        return body.text();
      },
      close: () => agent.destroy(),
    };
  },
  'http.request and https.request': (options) => {
    const agents = {
      http: new GuardedAgent({ ...options, pool }),
      https: new GuardedHttpsAgent({ ...options, pool }),
    };
    return {
      get: (url, more = {}) =>
        new Promise((resolve, reject) => {
          const isSecure = url.startsWith('https:');
          const request = isSecure
            ? httpsRequest(url, { agent: agents.https, ...more })
            : httpRequest(url, { agent: agents.http, ...more });
          request.once('response', (response) => resolve(text(response)));
          request.once('error', reject);
          request.end();
        }),
      async close() {
        agents.http.destroy();
        agents.https.destroy();
      },
    };
  },
};

/** Answers each question for a name with the next of its answers. Repeats the last one. */
export function answering(answers: Readonly<Record<string, readonly (readonly string[])[]>>): Resolver & {
  asked: string[];
} {
  const asked: string[] = [];
  return {
    asked,
    resolve(hostname) {
      const times = asked.filter((each) => each === hostname).length;
      asked.push(hostname);
      const known = answers[hostname] ?? [];
      const addresses = known[Math.min(times, known.length - 1)] ?? [];
      return Promise.resolve(
        addresses.map((address) => ({ address, family: isIP(address) === 6 ? 6 : 4 }) as const),
      );
    },
  };
}
