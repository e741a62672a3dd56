import { type Selection, select } from '../dashboard/select.js';
import { TransferStore } from '../dashboard/store.js';
import { fit, toVisible, widthOf } from '../terminal/text.js';
import type { AdminClient } from './admin-client.js';
import { type Column, chooseColumns } from './columns.js';
import { readSnapshot } from './read-events.js';

/** Wide enough for all columns. */
const ALL = 10_000;

/** The transfers as a table for people and for pipes, one per line. Columns are as wide as their text. */
export async function printTable(client: AdminClient, selection: Selection): Promise<string> {
  const store = new TransferStore();
  const now = performance.now();
  store.applySnapshot(readSnapshot(await client.get('/api/transfers')), now);
  const columns = chooseColumns(ALL).flatMap(({ column }): Column[] =>
    column.title === 'PROGRESS' ? [] : [column],
  );
  const rows = select(store.items, selection, now).map((item) =>
    columns.map((column) => toVisible(column.text(item, now))),
  );
  const table = [columns.map(({ title }) => title), ...rows];
  const widths = columns.map((_, i) => Math.max(...table.map((row) => widthOf(row[i] ?? ''))));
  return table
    .map((row) => row.map((cell, i) => fit(cell, widths[i] ?? 0, columns[i]?.align)).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

/** The transfers as JSON: what the admin listener answers, with the selected transfers in their order. */
export async function printJson(client: AdminClient, selection: Selection): Promise<string> {
  const answer = await client.get('/api/transfers');
  const snapshot = readSnapshot(answer);
  const store = new TransferStore();
  const now = performance.now();
  store.applySnapshot(snapshot, now);
  const transfers = select(store.items, selection, now).map(({ data }) => data);
  return `${JSON.stringify({ time: snapshot.time, total: snapshot.transfers.length, transfers })}\n`;
}
