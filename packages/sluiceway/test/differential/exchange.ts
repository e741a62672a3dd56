import type { Dice } from '../support/dice.js';

/** One connection of a client, and what the origin server does with the request that reaches it. */
export interface Exchange {
  /** What is special about it, as the table of differences names it. */
  kind: string;
  /** What the client sends, each character one byte. */
  request: string;
  /** Of the request: it tells where the response ends. */
  method: string;
  /** How many responses the client waits for. */
  responses: number;
  /** How the client ends before it has a response: when it has sent all, or when the origin server has the head. */
  clientEnds: { how: 'fin' | 'reset'; when: 'sent' | 'seen' } | null;
  /** What the origin server answers, each character one byte. */
  response: string;
  /** What it does then. */
  originEnds: 'fin' | 'reset' | null;
  /** It answers when it has read this much. */
  answersAfter: 'head' | 'content';
}

/** A kind of exchange. Each of its variants is run once; the dice decide what does not matter. */
export interface Kind {
  kind: string;
  variants: readonly ((dice: Dice) => Partial<Omit<Exchange, 'kind'>>)[];
}

/** A kind of exchange of one variant. */
export const one = (kind: string, variant: Kind['variants'][number]): Kind => ({ kind, variants: [variant] });

/** A word that is drawn: which one it is has no meaning, and is left out where exchanges are compared. */
export const word = (dice: Dice): string =>
  `w${(0x1_00_00_00 + dice.roll(0x1_00_00_00)).toString(16).slice(1)}`;

/** Takes out of a text what was drawn. */
export const withoutWords = (text: string): string => text.replaceAll(/w[\da-f]{6}/g, 'w');

export interface RequestParts {
  method?: string;
  target?: string;
  version?: string;
  /** Null leaves the Host field out. */
  host?: string | null;
  /** Field lines, without their ends. */
  lines?: readonly string[];
  content?: string;
}

/** A request head with usual fields around the given ones, and what follows it. */
export function toRequest(dice: Dice, parts: RequestParts = {}): string {
  const { method = 'GET', target = `/${word(dice)}`, version = 'HTTP/1.1', lines = [], content = '' } = parts;
  const { host = `${word(dice)}.test` } = parts;
  const usual = ['Accept: */*', `User-Agent: ${word(dice)}`, `X-Usual: ${word(dice)}`, 'Accept-Language: en'];
  const before = usual.slice(0, dice.roll(3));
  const after = usual.slice(before.length, before.length + dice.roll(3));
  const hostLines = host === null ? [] : [`Host: ${host}`];
  const head = [`${method} ${target} ${version}`, ...hostLines, ...before, ...lines, ...after];
  return `${head.join('\r\n')}\r\n\r\n${content}`;
}

export interface ResponseParts {
  startLine?: string;
  lines?: readonly string[];
  content?: string;
  /** `length` (default) adds Content-Length; `none` leaves the framing to `lines` and `content`. */
  framing?: 'length' | 'chunked' | 'none';
}

/** A response of the origin server. `X-From` tells it from those that a proxy makes. */
export function toResponse(dice: Dice, parts: ResponseParts = {}): string {
  const { startLine = 'HTTP/1.1 200 OK', lines = [], content = word(dice), framing = 'length' } = parts;
  const framingLines = {
    length: [`Content-Length: ${content.length}`],
    chunked: ['Transfer-Encoding: chunked'],
    none: [],
  }[framing];
  const head = [startLine, 'X-From: origin', ...framingLines, ...lines].join('\r\n');
  return `${head}\r\n\r\n${framing === 'chunked' ? toChunks(dice, content) : content}`;
}

/** Content in a few chunks, the last one included. `trailers` are field lines. */
export function toChunks(dice: Dice, content: string, trailers: readonly string[] = []): string {
  const at = dice.roll(content.length + 1);
  const chunks = [content.slice(0, at), content.slice(at)].filter((chunk) => chunk !== '');
  const framed = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`);
  return `${framed.join('')}0\r\n${trailers.map((line) => `${line}\r\n`).join('')}\r\n`;
}

/** Content of a few words. */
export const words = (dice: Dice): string =>
  Array.from({ length: 1 + dice.roll(8) }, () => word(dice)).join(' ');

/** A request with content of a stated length. */
export function toSized(dice: Dice, parts: RequestParts = {}): string {
  const { content = words(dice), lines = [], method = 'POST' } = parts;
  return toRequest(dice, {
    ...parts,
    method,
    lines: [...lines, `Content-Length: ${content.length}`],
    content,
  });
}

/** A request with chunked content. */
export function toChunked(dice: Dice, parts: RequestParts & { trailers?: readonly string[] } = {}): string {
  const { lines = [], method = 'POST', trailers = [] } = parts;
  return toRequest(dice, {
    ...parts,
    method,
    lines: [...lines, 'Transfer-Encoding: chunked'],
    content: parts.content ?? toChunks(dice, words(dice), trailers),
  });
}

/** An exchange for each variant of a kind, with everything that the variant does not say. */
export function toExchanges({ kind, variants }: Kind, dice: Dice): Exchange[] {
  return variants.map((draw) => {
    const drawn = draw(dice);
    return {
      kind,
      request: toRequest(dice),
      method: 'GET',
      responses: 1,
      clientEnds: null,
      response: toResponse(dice, drawn.method === 'HEAD' ? { content: '' } : {}),
      originEnds: null,
      answersAfter: 'content',
      ...drawn,
    };
  });
}
