/** The start line and field lines of a message exactly as they were sent, as latin1. */
class MessageHead {
  /** Everything up to and including the empty line. */
  readonly raw: string;
  readonly startLine: string;
  /** Field lines (`Name: value`) as sent, in order, including repeated ones. */
  readonly lines: readonly string[];

  constructor(raw: string) {
    this.raw = raw;
    if (!raw.endsWith('\r\n\r\n')) throw new Error(`Not a message head: ${JSON.stringify(raw)}`);
    const [startLine = '', ...lines] = raw.slice(0, -4).split('\r\n');
    this.startLine = startLine;
    this.lines = lines;
  }

  /** The values of all lines with that name. */
  getAll(name: string): string[] {
    const values: string[] = [];
    for (const line of this.lines) {
      const colon = line.indexOf(':');
      if (line.slice(0, colon).toLowerCase() === name.toLowerCase())
        values.push(line.slice(colon + 1).trim());
    }
    return values;
  }

  /** The value of the only line with that name; undefined if there is none. Throws if there are several. */
  get(name: string): string | undefined {
    const values = this.getAll(name);
    if (values.length > 1) throw new Error(`${values.length} lines of ${name}: use getAll`);
    return values[0];
  }

  has(name: string): boolean {
    return this.getAll(name).length > 0;
  }

  /** The announced content length, or undefined. */
  get contentLength(): number | undefined {
    const value = this.get('content-length');
    if (value === undefined) return undefined;
    if (!/^\d+$/.test(value)) throw new Error(`Content-Length: ${value}`);
    return Number(value);
  }

  get isChunked(): boolean {
    const value = this.get('transfer-encoding');
    if (value !== undefined && value !== 'chunked') throw new Error(`Transfer-Encoding: ${value}`);
    return value !== undefined;
  }
}

export class RequestHead extends MessageHead {
  readonly method: string;
  readonly target: string;
  readonly version: string;

  constructor(raw: string) {
    super(raw);
    const match = /^(\S+) (\S+) (HTTP\/\d\.\d)$/.exec(this.startLine);
    if (!match) throw new Error(`Not a request line: ${this.startLine}`);
    [, this.method, this.target, this.version] = match as unknown as [string, string, string, string];
  }
}

export class ResponseHead extends MessageHead {
  readonly version: string;
  readonly status: number;
  readonly statusText: string;

  constructor(raw: string) {
    super(raw);
    const match = /^(HTTP\/\d\.\d) (\d{3}) ?(.*)$/.exec(this.startLine);
    if (!match) throw new Error(`Not a status line: ${this.startLine}`);
    this.version = match[1] as string;
    this.status = Number(match[2]);
    this.statusText = match[3] as string;
  }
}
