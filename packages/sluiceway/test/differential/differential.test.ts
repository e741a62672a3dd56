import { expect } from 'vitest';
import { readPage, tablesUnder } from '../docs/support/markdown.js';
import { Dice } from '../support/dice.js';
import { test } from '../support/fixture.js';
import { describeWith, requireVersion } from '../support/requirements.js';
import { type Exchange, type Kind, toExchanges } from './exchange.js';
import { compare } from './observations.js';
import { type Peer, startHaproxy, startNginx, startSluiceway } from './peers.js';
import { requestFieldKinds } from './request-field-kinds.js';
import { requestFramingKinds } from './request-framing-kinds.js';
import { requestLineKinds } from './request-line-kinds.js';
import { responseFramingKinds } from './response-framing-kinds.js';
import { responseKinds } from './response-kinds.js';

// Those of Debian 12: another version may differ in other ways than the table says.
const nginx = requireVersion('nginx', '-v', /nginx\/1\.22\./);
const haproxy = requireVersion('haproxy', '-v', /version 2\.6\./);

const page = readPage('docs/differences.md');

const groups: readonly (readonly [marker: string, kinds: readonly Kind[]])[] = [
  ['request lines', requestLineKinds],
  ['request fields', requestFieldKinds],
  ['request content', requestFramingKinds],
  ['responses', responseKinds],
  ['response content', responseFramingKinds],
];

/** Rows of the page without their reasons: the kind of exchange, then what each proxy does. */
function documentedRows(marker: string): string[] {
  return tablesUnder(page, marker)
    .flat()
    .map((cells) => cells.slice(0, -1).join(' | '));
}

async function observedRows(peers: readonly Peer[], kinds: readonly Kind[], dice: Dice): Promise<string[]> {
  const rows: string[] = [];
  for (const exchange of kinds.flatMap((kind) => toExchanges(kind, dice))) {
    const cells = await observe(peers, exchange);
    if (new Set(cells).size > 1) rows.push([exchange.kind, ...cells].join(' | '));
  }
  return [...new Set(rows)];
}

const observe = async (peers: readonly Peer[], exchange: Exchange): Promise<readonly string[]> =>
  compare(await Promise.all(peers.map(({ stage, port }) => stage.run(exchange, port))));

describeWith(nginx, haproxy)('Sluiceway, nginx and HAProxy', () => {
  test.for(groups)(
    'differ in %s as docs/differences.md says, and in nothing else [nginx; HAProxy]',
    { timeout: 60_000 },
    async ([marker, kinds], { net }) => {
      const peers = [
        await startSluiceway(net),
        await startNginx(net, nginx),
        await startHaproxy(net, haproxy),
      ];
      // A difference without a row, and a row without a difference, stand in what vitest prints as they have to be.
      const observed = await observedRows(peers, kinds, new Dice(1));
      expect(observed.toSorted()).toEqual(documentedRows(marker).toSorted());
    },
  );
});

test('at least 200 exchanges are compared, and each kind has a name of its own', () => {
  const kinds = groups.flatMap(([, each]) => each);
  expect(kinds.flatMap((kind) => toExchanges(kind, new Dice(1))).length).toBeGreaterThan(200);
  expect(new Set(kinds.map(({ kind }) => kind)).size).toBe(kinds.length);
});
