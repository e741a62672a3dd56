import type * as crypto from 'node:crypto';
import { beforeEach, expect, test, vi } from 'vitest';
import { anyUse, keyOf, linksOf, signElsewhere } from '../support/grants.js';

const { compared, computed } = vi.hoisted(() => ({
  compared: vi.fn<(a: Uint8Array, b: Uint8Array) => boolean | undefined>(),
  computed: vi.fn<() => void>(),
}));

vi.mock('node:crypto', async (importActual) => {
  const actual = await importActual<typeof crypto>();
  return {
    ...actual,
    createHmac: (...args: Parameters<typeof actual.createHmac>) => {
      computed();
      return actual.createHmac(...args);
    },
    createDecipheriv: (...args: [string, Uint8Array, Uint8Array]) => {
      computed();
      return actual.createDecipheriv(...args);
    },
    timingSafeEqual: (a: Buffer, b: Buffer): boolean => {
      return compared(a, b) ?? actual.timingSafeEqual(a, b);
    },
  };
});

beforeEach(() => {
  compared.mockReset();
  computed.mockReset();
});

const expires = String(Math.floor(Date.now() / 1000) + 3600);
const valid = signElsewhere({ url: 'https://a.example/', expires });
const forged = `${valid.slice(0, -43)}${'A'.repeat(43)}`;
const isValid = (link: string): boolean => {
  try {
    linksOf().verify(link, anyUse);
    return true;
  } catch {
    return false;
  }
};

test('a signature is compared in constant time, once, and that comparison alone decides [Sluiceway]', () => {
  expect([isValid(valid), isValid(forged)]).toEqual([true, false]);
  expect(compared).toHaveBeenCalledTimes(2);
  compared.mockReturnValue(true);
  expect(isValid(forged)).toBe(true);
  compared.mockReturnValue(false);
  expect(isValid(valid)).toBe(false);
});

test('a link with a key that nobody has is computed and compared like any other [Sluiceway]', () => {
  const unknown = signElsewhere({ url: 'https://a.example/', expires }, keyOf('k9', 1));
  computed.mockReset();
  for (const link of [forged, unknown]) expect(isValid(link)).toBe(false);
  expect([compared.mock.calls.length, computed.mock.calls.length]).toEqual([2, 2]);

  const [known = '', other = ''] = ['k1', 'k9'].map((id) =>
    linksOf('encrypted', { keys: [keyOf(id, 5)] }).sign({ url: 'https://a.example/', expires: '1h' }),
  );
  computed.mockReset();
  for (const link of [known, other]) expect(isValid(link)).toBe(false);
  expect(computed).toHaveBeenCalledTimes(2);
});
