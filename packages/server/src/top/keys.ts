/** A key, or a character that was typed. */
export type Key =
  | 'up'
  | 'down'
  | 'page-up'
  | 'page-down'
  | 'home'
  | 'end'
  | 'enter'
  | 'escape'
  | 'backspace'
  | 'interrupt'
  | 'suspend'
  | 'redraw'
  | { char: string };

const SEQUENCES: Readonly<Record<string, Key>> = {
  A: 'up',
  B: 'down',
  H: 'home',
  F: 'end',
  '1~': 'home',
  '4~': 'end',
  '5~': 'page-up',
  '6~': 'page-down',
  '7~': 'home',
  '8~': 'end',
};

const CONTROLS: Readonly<Record<string, Key>> = {
  '\r': 'enter',
  '\n': 'enter',
  '\x1b': 'escape',
  '\x7f': 'backspace',
  '\b': 'backspace',
  '\x03': 'interrupt',
  '\x1a': 'suspend',
  '\x0c': 'redraw',
};

/** Escape sequences of ECMA-48, a function key, or one character. */
// oxlint-disable-next-line eslint/no-control-regex -- the sequences begin with the escape character
const KEY = /\u001b\[([0-9;?]{0,16}[@-~])|\u001bO([A-Z])|([^])/gu;

/** Reads the keys in what a terminal sends. Ignores those that have no meaning here. */
export function readKeys(text: string): Key[] {
  return Array.from(text.matchAll(KEY)).flatMap(([, sequence, short, char = '']): Key[] => {
    const known = sequence ?? short;
    const key = known === undefined ? CONTROLS[char] : SEQUENCES[known];
    if (key !== undefined) return [key];
    return known === undefined && char >= ' ' ? [{ char }] : [];
  });
}
