import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { everything } from '../../src/dashboard/select.js';
import { type TransferItem, TransferStore } from '../../src/dashboard/store.js';
import { painter } from '../../src/terminal/color.js';
import { widthOf } from '../../src/terminal/text.js';
import { chooseColumns } from '../../src/top/columns.js';
import { type Key, readKeys } from '../../src/top/keys.js';
import { answerPrompt, type Prompt, readRate } from '../../src/top/prompt.js';
import { readDelta, readSnapshot, readTotals } from '../../src/top/read-events.js';
import { drawScreen, type Screen } from '../../src/top/view.js';

const plain = painter(false);

function itemsOf(...transfers: object[]): TransferItem[] {
  const store = new TransferStore();
  store.applySnapshot(readSnapshot({ time: '', transfers }), 0);
  return [...store.items];
}

const screen = (changes: Partial<Screen>): Screen => ({
  admin: 'http://127.0.0.1:9180',
  lost: null,
  running: 1,
  totals: null,
  selection: everything,
  items: [],
  selected: 0,
  first: 0,
  isDetailed: false,
  footer: { kind: 'keys' },
  ...changes,
});

const transfer = {
  id: '1',
  method: 'GET',
  path: '/files/a.iso',
  client: '192.0.2.7',
  route: 'files',
  upstream: 'http://10.0.0.1:9000',
  bytesDown: 512 * 2 ** 20,
  responseLength: 2 ** 30,
  rateDown: 10 * 2 ** 20,
  etaMs: 51_000,
  durationMs: 63_000,
  resumes: 2,
};

test('a wide terminal shows every column, and a narrow one the most important ones', () => {
  const draw = (width: number): string[] =>
    drawScreen(screen({ items: itemsOf(transfer) }), width, 6, plain, 0).slice(2, 4);
  expect(draw(160).map((line) => line.replaceAll(/ +/g, ' ').trim())).toEqual([
    'FILE CLIENT ROUTE SERVER PROGRESS % BYTES RATE LIMIT TIME↓ HEALED LEFT',
    'a.iso 192.0.2.7 files 10.0.0.1:9000 █████····· 50% 512 MiB of 1.00 GiB 10.0 MiB/s 1:03 2× 0:51',
  ]);
  expect(chooseColumns(40).map(({ column }) => column.title)).toEqual(['FILE', '%', 'RATE']);
  expect(chooseColumns(14).map(({ column }) => column.title)).toEqual(['FILE']);
});

test('a narrow terminal shows how many transfers run, the filter, and the answers to a question [Sluiceway]', () => {
  const question = 'Abort ubuntu-26.04-desktop-amd64.iso of 192.0.2.7? It breaks off. [y/N]';
  const lines = drawScreen(
    screen({
      running: 12,
      selection: { ...everything, search: 'iso' },
      footer: { kind: 'prompt', question, input: '' },
    }),
    40,
    8,
    plain,
    0,
  );
  expect(lines[0]).toBe('12 transfers  filter: iso  http://127.0…');
  expect(lines.at(-1)).toMatch(/^Abort ubuntu.*….* \[y\/N\] ▏$/);
});

test('no line is wider than the terminal, and no text can act on it, whatever a server sends [CWE-150]', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme' }),
    fc.constant('\x1b[2J'),
  );
  const any = fc.record(
    {
      id: text,
      method: text,
      path: text,
      client: fc.option(text),
      route: fc.option(text),
      upstream: fc.option(text),
      host: fc.option(text),
      bytesDown: fc.oneof(fc.nat(), fc.double(), fc.string()),
      responseLength: fc.option(fc.nat()),
      waitingFor: fc.constantFrom('client', 'upstream', 'nobody', null),
      waitingMs: fc.nat(),
      resumedAt: fc.array(fc.double(), { maxLength: 4 }),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(
      fc.array(any, { maxLength: 2 }),
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 30 }),
      fc.boolean(),
      text,
      (transfers, width, height, isDetailed, input) => {
        const items = itemsOf(...transfers);
        const lines = drawScreen(
          screen({
            items,
            isDetailed,
            lost: input,
            footer: { kind: 'prompt', question: input, input },
            totals: readTotals({ outcomes: { completed: 1 } }),
          }),
          width,
          height,
          plain,
          0,
        );
        expect(lines.length).toBeLessThanOrEqual(height);
        for (const line of lines) {
          expect(line).not.toMatch(/\p{Cc}/u);
          expect(widthOf(line)).toBeLessThanOrEqual(width);
        }
      },
    ),
  );
});

test('events of another version do not make the reader throw', () => {
  fc.assert(
    fc.property(fc.anything(), (given) => {
      for (const read of [readSnapshot, readDelta, readTotals]) expect(read(given)).toBeTypeOf('object');
      readDelta({ started: [given], changed: [given], ended: [given] });
    }),
  );
});

test('a change leaves the members that it does not have', () => {
  expect(readDelta({ changed: [{ id: '1', bytesDown: 5, path: 7 }] }).changed).toEqual([
    { id: '1', bytesDown: 5, path: '' },
  ]);
});

test('keys are read from the sequences of terminals, and unknown ones are ignored [Sluiceway]', () => {
  expect(readKeys('\x1b[A\x1bOB\x1b[5~\x1b[1;5C\x1b\r\x7f\x03qä')).toEqual<Key[]>([
    'up',
    'down',
    'page-up',
    'escape',
    'enter',
    'backspace',
    'interrupt',
    { char: 'q' },
    { char: 'ä' },
  ]);
});

describe('a question', () => {
  function ask(isOneKey: boolean, keys: readonly Key[]) {
    const answers: (string | null)[] = [];
    const prompt: Prompt = {
      question: '',
      input: '',
      isOneKey,
      onAnswer: (input) => answers.push(input),
      onCancel: () => answers.push(null),
    };
    const hasEnded = keys.map((key) => answerPrompt(prompt, key));
    return { answers, hasEnded };
  }

  test('takes text until Enter', () => {
    const keys: Key[] = [{ char: 'a' }, { char: 'b' }, 'backspace', 'up', 'enter'];
    expect(ask(false, keys)).toEqual({ answers: ['a'], hasEnded: [false, false, false, false, true] });
  });

  test('of one key is answered with no by Enter', () => {
    expect(ask(true, ['enter']).answers).toEqual(['']);
    expect(ask(true, [{ char: 'y' }]).answers).toEqual(['y']);
  });

  test('ends without an answer by Escape', () => {
    expect(ask(true, ['escape']).answers).toEqual([null]);
  });
});

test.for([
  ['5MiB', 5 * 2 ** 20],
  ['off', null],
  ['0', undefined],
  ['fast', undefined],
] as const)('the rate %s is read', ([text, rate]) => {
  expect(readRate(text)).toBe(rate);
});
