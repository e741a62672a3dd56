import { expect, test } from 'vitest';
import { TransformMeters } from '../../src/proxy/transfer/transform-meters.js';
import type { Meter } from '../../src/stream/metered-source.js';
import type { TransferTimeouts } from '../../src/stream/timeouts.js';

/** Whom the response waits for, as it changes. */
function watch(): { meters: TransformMeters; waits: string[]; told: string[] } {
  const waits: string[] = [];
  const told: string[] = [];
  const timeouts = {
    progress: () => {},
    responseWaitsFor: (whom: string) => {
      if (waits.at(-1) !== whom) waits.push(whom);
    },
  } as unknown as TransferTimeouts;
  const download: Meter = {
    started: () => timeouts.responseWaitsFor('upstream'),
    lent: (bytes) => {
      told.push(`lent ${bytes}`);
      timeouts.responseWaitsFor('client');
    },
    allReturned: () => told.push('returned'),
    over: () => timeouts.responseWaitsFor('client'),
  };
  return { meters: new TransformMeters(timeouts, download), waits, told };
}

test('the origin server is waited for while the streams have nothing to do, and nobody while they have', () => {
  const { meters, waits } = watch();
  meters.output.started();
  meters.input.started();
  meters.input.lent(10);
  meters.input.allReturned();
  meters.input.lent(10);
  meters.input.over();
  expect(waits).toEqual(['upstream', 'nobody', 'upstream', 'nobody']);
});

test('the client is waited for while it has bytes to take, whatever else there is to do', () => {
  const { meters, waits, told } = watch();
  meters.output.started();
  meters.input.lent(10);
  meters.output.lent(5);
  meters.input.allReturned();
  meters.input.lent(10);
  meters.output.allReturned();
  meters.output.lent(5);
  meters.input.allReturned();
  meters.output.allReturned();
  expect(waits).toEqual(['upstream', 'nobody', 'client', 'nobody', 'client', 'upstream']);
  expect(told).toEqual(['lent 5', 'lent 5']);
});

test('nothing but the client is waited for once all has come out', () => {
  const { meters, waits } = watch();
  meters.output.started();
  meters.input.lent(10);
  meters.input.over();
  meters.output.over();
  meters.input.over();
  expect(waits).toEqual(['upstream', 'nobody', 'client']);
});
