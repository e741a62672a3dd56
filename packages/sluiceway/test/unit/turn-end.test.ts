import { afterEach, expect, test } from 'vitest';
import { atTurnEnd } from '../../src/net/turn-end.js';

const immediate = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

afterEach(() => process.setUncaughtExceptionCaptureCallback(null));

test('a task runs at the end of the turn in which it is added, after promises and ticks', async () => {
  const order: string[] = [];
  atTurnEnd({ endTurn: () => order.push('task') });
  process.nextTick(() => order.push('tick'));
  void Promise.resolve().then(() => order.push('promise'));
  order.push('added');
  await immediate();
  expect(order.at(0)).toBe('added');
  expect(order.at(-1)).toBe('task');
  expect(order).toHaveLength(4);
});

test('a task that another one adds runs in the same turn, and what that one adds in the next', async () => {
  const order: string[] = [];
  const add = (depth: number): void =>
    atTurnEnd({
      endTurn: () => {
        order.push(`task ${depth}`);
        if (depth < 4) add(depth + 1);
      },
    });
  add(1);
  for (let turn = 1; turn <= 2; turn += 1) {
    await immediate();
    order.push(`turn ${turn}`);
  }
  expect(order).toEqual(['task 1', 'task 2', 'turn 1', 'task 3', 'task 4', 'turn 2']);
});

test('a task that throws keeps no other from running, and its error is uncaught', async () => {
  const order: string[] = [];
  const thrown: unknown[] = [];
  process.setUncaughtExceptionCaptureCallback((error) => void thrown.push(error));
  const fault = new Error('a mistake');
  atTurnEnd({
    endTurn: () => {
      throw fault;
    },
  });
  atTurnEnd({ endTurn: () => order.push('task') });
  await immediate();
  expect(order).toEqual(['task']);
  await immediate();
  expect(thrown).toEqual([fault]);
  atTurnEnd({ endTurn: () => order.push('later task') });
  await immediate();
  expect(order).toEqual(['task', 'later task']);
});
