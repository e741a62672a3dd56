import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { describeThrown, isInstance, SluicewayError, toSluicewayError, toWarning } from '../../src/errors.js';

const fails = (): never => {
  throw new Error('of a getter');
};

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const HOSTILE: [name: string, thrown: unknown][] = [
  ['nothing', undefined],
  ['a symbol', Symbol('x')],
  ['an object without a prototype', Object.create(null)],
  ['an object that is no text', { toString: fails }],
  ['an error whose message cannot be read', Object.defineProperty(new Error('x'), 'message', { get: fails })],
  ['an error whose message is no text', Object.assign(new Error('x'), { message: { toString: fails } })],
  ['an error whose name cannot be read', Object.defineProperty(new Error('x'), 'name', { get: fails })],
  ['an error whose stack cannot be read', Object.defineProperty(new Error('x'), 'stack', { get: fails })],
  ['a revoked proxy', revoked()],
];

describe('what code of the application throws', () => {
  test.for(HOSTILE)('is described, whatever it is: %s [Sluiceway]', ([name, thrown]) => {
    expect(describeThrown(thrown)).toBeTypeOf('string');
    expect(toSluicewayError(thrown)).toBeInstanceOf(SluicewayError);
    expect(isInstance(thrown, SluicewayError)).toBe(false);
    // As handlers of errors log what they are given.
    if (name.endsWith('proxy')) expect(inspect(toSluicewayError(thrown))).toContain('SluicewayError');
    // Node reads these three of a warning, a moment after it was given.
    const warning = toWarning(thrown);
    if (typeof warning === 'object')
      for (const member of [warning.name, warning.message, warning.stack])
        expect(member).toBeTypeOf('string');
    else expect(warning).toBeTypeOf('string');
  });

  test('stays itself in a warning where it is an ordinary error, for its stack [Node]', () => {
    const error = new RangeError('x');
    expect(toWarning(error)).toBe(error);
  });
});
