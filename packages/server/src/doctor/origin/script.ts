/** The segment after which the path of a request to the echo origin begins. What is before it is the chain's affair. */
const MARK = '/sluiceway-doctor/';

type ScriptAction = 'hello' | 'content' | 'report' | 'release' | 'socket';

const actions: readonly string[] = ['hello', 'content', 'report', 'release', 'socket'];

/**
 * What the echo origin does with a request. All of it is in the path, because a chain can lose queries and fields. Times are
 * in milliseconds, sizes in bytes.
 */
export interface ScriptOptions {
  /** Length of the response content. Default 0. */
  size?: number;
  /** How the end of the content is marked. Default `length`. */
  framing?: 'length' | 'chunked';
  /** Media type. Default `binary`. */
  type?: 'binary' | 'text' | 'events';
  /** Default 200. */
  status?: number;
  /** Waits before the response head. */
  headDelay?: number;
  /** The offset at which the content stops until it is released, or for `hold` milliseconds. */
  holdAt?: number;
  hold?: number;
  /** Sends the content in pieces of `piece` bytes, one every `every` milliseconds. */
  piece?: number;
  every?: number;
  /** Breaks the connection off at this offset. */
  breakAt?: number;
  /** Default `fin`. */
  breakBy?: 'fin' | 'reset';
  /** `first`: responds before it reads request content. `drop`: closes the connection after it, without a response. */
  respond?: 'first' | 'drop';
  /** Reads no request content until it is released. */
  unread?: 1;
  /** Sends trailer fields. */
  trailers?: 1;
  /** Sends `103 Early Hints` first. */
  hints?: 1;
  /** Sends the fields whose passage is tested. */
  fields?: 1;
  /** Length of a response field that pads the head. */
  pad?: number;
  /** What `Location` names: another server, or this one as the request names it. */
  location?: 'elsewhere' | 'here';
  /** Sends neither validators nor `Accept-Ranges`, and forbids to store the response. */
  plain?: 1;
  /** Tells nginx not to buffer. */
  unbuffered?: 1;
}

export interface Script extends ScriptOptions {
  /** The probe, and the seed of the content. */
  id: string;
  action: ScriptAction;
}

const numbers = [
  'size',
  'status',
  'headDelay',
  'holdAt',
  'hold',
  'piece',
  'every',
  'breakAt',
  'unread',
  'trailers',
  'hints',
  'fields',
  'pad',
  'plain',
  'unbuffered',
];
const words: Readonly<Record<string, readonly string[]>> = {
  framing: ['length', 'chunked'],
  type: ['binary', 'text', 'events'],
  breakBy: ['fin', 'reset'],
  respond: ['first', 'drop'],
  location: ['elsewhere', 'here'],
};

/** The path of a request, without the part that the chain may remove. */
export function formatScript({ id, action, ...options }: Script): string {
  const parts = Object.entries(options).map(([name, value]) => `/${name}=${value}`);
  return `${MARK}${id}/${action}${parts.join('')}`;
}

/** Null for a path that is not one of these. Options that are not known are ignored. */
export function parseScript(target: string): Script | null {
  const path = target.split(/[?#]/, 1)[0] ?? '';
  const start = path.lastIndexOf(MARK);
  if (start === -1) return null;
  const [id = '', action = '', ...parts] = path.slice(start + MARK.length).split('/');
  if (!/^[a-z0-9-]{1,64}$/.test(id) || !actions.includes(action)) return null;
  const options: Record<string, string | number> = {};
  for (const part of parts) {
    const [, name = '', value = ''] = /^(\w+)=(\w+)$/.exec(part) ?? [];
    if (numbers.includes(name) && /^\d{1,13}$/.test(value)) options[name] = Number(value);
    else if (words[name]?.includes(value)) options[name] = value;
  }
  return { ...(options as ScriptOptions), id, action: action as ScriptAction };
}
