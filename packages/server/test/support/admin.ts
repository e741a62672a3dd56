import type { Network } from '../../../sluiceway/test/support/fixture.js';
import { until } from '../../../sluiceway/test/support/until.js';
import { createParser, type ServerSentEvent } from './events.js';
import type { Program } from './launch.js';

type Json = Record<string, unknown>;

/** An answer of the admin listener. */
export interface AdminAnswer {
  status: number;
  type: string | null;
  text: string;
  /** The content as JSON. */
  value: Json;
}

/** Calls of the admin listener of a program. */
export class Admin {
  readonly #net: Network;
  readonly url: string;

  constructor(net: Network, url: string) {
    this.#net = net;
    this.url = url;
  }

  get(path: string, headers: Record<string, string> = {}): Promise<AdminAnswer> {
    return this.#send(path, { headers });
  }

  /** `content`: sent as JSON, unless it is a text. */
  post(path: string, content: unknown = '', headers: Record<string, string> = {}): Promise<AdminAnswer> {
    const body = typeof content === 'string' ? content : JSON.stringify(content);
    return this.#send(path, { method: 'POST', headers, body });
  }

  async #send(path: string, init: RequestInit): Promise<AdminAnswer> {
    const response = await fetch(`${this.url}${path}`, init);
    const text = await response.text();
    const type = response.headers.get('content-type');
    return {
      status: response.status,
      type,
      text,
      value: type?.includes('json') ? (JSON.parse(text) as Json) : {},
    };
  }

  /** The running transfers. */
  async transfers(query = ''): Promise<Json[]> {
    return (await this.get(`/api/transfers${query}`)).value['transfers'] as Json[];
  }

  /** Waits for a running transfer. */
  async transfer(isWanted: (transfer: Json) => boolean = () => true): Promise<Json> {
    let found: Json | undefined;
    await until(async () => {
      found = (await this.transfers()).find(isWanted);
      return found !== undefined;
    }, 'the transfer was listed');
    return found as Json;
  }

  /** Reads the events until the end of the test. */
  async events(): Promise<Events> {
    const stop = new AbortController();
    this.#net.cleanup(() => stop.abort());
    const response = await fetch(`${this.url}/api/events`, { signal: stop.signal });
    return new Events(response, () => stop.abort());
  }
}

/** What `/api/events` sends. */
export class Events {
  readonly all: ServerSentEvent[] = [];
  readonly response: Response;
  readonly stop: () => void;
  /** Everything that came, as text. */
  text = '';

  constructor(response: Response, stop: () => void) {
    this.response = response;
    this.stop = stop;
    void this.#read().catch(() => {});
  }

  /** Waits for an event of a type whose data is as wanted. */
  async find(type: string, isWanted: (data: Json) => boolean = () => true): Promise<Json> {
    let found: ServerSentEvent | undefined;
    await until(() => {
      found = this.all.find((event) => event.type === type && isWanted(event.data));
      return found !== undefined;
    }, `an event ${type} came`);
    return (found as ServerSentEvent).data;
  }

  async #read(): Promise<void> {
    const parser = createParser((event) => void this.all.push(event));
    const decoder = new TextDecoder();
    for await (const bytes of this.response.body ?? []) {
      const text = decoder.decode(bytes as Uint8Array, { stream: true });
      this.text += text;
      parser(text);
    }
  }
}

/** The admin listener that the program has opened on a loopback address. */
export async function adminOf(net: Network, program: Program): Promise<Admin> {
  const [, url = ''] = await program.match('stdout', /admin listener on (http:\S+)\n/);
  return new Admin(net, url);
}
