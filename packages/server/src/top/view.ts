import type { TotalsData } from '../dashboard/contract.js';
import { countOf, formatRate, kindOfOutcome } from '../dashboard/format.js';
import type { Selection } from '../dashboard/select.js';
import { advance, type TransferItem } from '../dashboard/store.js';
import { bytesText, stateOf } from '../dashboard/wording.js';
import type { Paint } from '../terminal/color.js';
import { cutMiddle, cutStart, cutTo, fit, toVisible, widthOf } from '../terminal/text.js';
import { describeTime } from '../terminal/units.js';
import { chooseColumns } from './columns.js';

/** The last line: what the keys do, a question, or what has happened. */
export type Footer =
  | { kind: 'keys' }
  | { kind: 'message'; text: string; isError: boolean }
  /** `question` is followed by `input` and a cursor. */
  | { kind: 'prompt'; question: string; input: string };

/** Everything that is on the screen. */
export interface Screen {
  admin: string;
  /** Null while events arrive; otherwise why they do not. */
  lost: string | null;
  running: number;
  totals: TotalsData | null;
  selection: Selection;
  items: readonly TransferItem[];
  /** Index of the selected item. */
  selected: number;
  /** Index of the first item in the window. */
  first: number;
  /** Shows everything about the selected item in place of the table. */
  isDetailed: boolean;
  footer: Footer;
}

/** Lines around the rows of the table. */
const FRAME = 4;

/** How many rows of the table fit. */
export const rowsOf = (height: number): number => Math.max(1, height - FRAME);

/** Draws the screen as lines, each at most `width` columns. */
export function drawScreen(
  screen: Screen,
  width: number,
  height: number,
  paint: Paint,
  now: number,
): string[] {
  const rows = rowsOf(height);
  const body = screen.isDetailed
    ? drawDetails(screen, width, rows + 1, paint, now)
    : drawTable(screen, width, rows, paint, now);
  const lines = [
    drawTitle(screen, width, paint),
    drawTotals(screen, width, paint),
    ...body,
    drawFooter(screen, width, paint),
  ];
  // On the lowest terminals, what is most useful stays.
  return lines.length > height ? [...lines.slice(0, Math.max(0, height - 1)), ...lines.slice(-1)] : lines;
}

function drawTitle({ admin, lost, running, selection }: Screen, width: number, paint: Paint): string {
  const title = `sluiceway top  ${toVisible(admin)}`;
  const status = lost === null ? countOf(running, 'transfer') : toVisible(lost);
  const filter = selection.search === '' ? '' : `  filter: ${toVisible(selection.search)}`;
  const whole = `${title}  ${status}${filter}`;
  // On a narrow terminal, what changes stays.
  const text = widthOf(whole) <= width ? whole : cutTo(`${status}${filter}  ${toVisible(admin)}`, width);
  return paint(text, ...(lost === null ? (['bold'] as const) : (['bold', 'red'] as const)));
}

function drawTotals({ totals }: Screen, width: number, paint: Paint): string {
  if (totals === null) return '';
  const ended = { good: 0, left: 0, bad: 0 };
  for (const [outcome, count] of Object.entries(totals.outcomes)) ended[kindOfOutcome(outcome)] += count;
  const parts = [
    `↓ ${formatRate(totals.rateDown)}`,
    `↑ ${formatRate(totals.rateUp)}`,
    `${ended.good} completed`,
    `${ended.bad} failed`,
    `${ended.left} left`,
  ];
  return paint(cutTo(parts.join('   '), width), 'dim');
}

function drawTable(screen: Screen, width: number, rows: number, paint: Paint, now: number): string[] {
  const { items, first, selected, selection } = screen;
  const chosen = chooseColumns(width);
  const header = chosen
    .map(({ column, width: columns }) => {
      const arrow = column.sort === selection.sort ? (selection.direction === 'asc' ? '↑' : '↓') : '';
      return fit(column.title + arrow, columns, column.align);
    })
    .join(' ');
  const lines = items.slice(first, first + rows).map((item, row) => {
    const isSelected = first + row === selected;
    const cells = chosen.map(({ column, width: columns }) => {
      const text = fit(toVisible(column.text(item, now)), columns, column.align);
      if (isSelected) return text;
      return paint(
        text,
        ...(item.end === null ? [] : (['dim'] as const)),
        ...(column.style?.(item, now) ?? []),
      );
    });
    return isSelected ? paint(cells.join(' '), 'inverse') : cells.join(' ');
  });
  if (items.length === 0)
    lines.push(
      paint(
        cutTo(selection.search === '' ? 'No transfer is running.' : 'No transfer matches.', width),
        'dim',
      ),
    );
  return [paint(fit(header, width), 'bold'), ...pad(lines, rows)];
}

function drawDetails(
  { items, selected }: Screen,
  width: number,
  rows: number,
  paint: Paint,
  now: number,
): string[] {
  const item = items[selected];
  if (item === undefined) return pad([cutTo('The transfer has ended.', width)], rows);
  const data = advance(item, now);
  const { text, since } = stateOf(item, now);
  const facts: [string, string | null][] = [
    ['Request', `${data.method} ${data.path}`],
    ['Host', data.host],
    ['State', `${text} ${since}`],
    ['Bytes', bytesText(data)],
    ['Rate', `↓ ${formatRate(data.rateDown)}  ↑ ${formatRate(data.rateUp)}`],
    ['Limit', data.limit === null ? 'none' : formatRate(data.limit)],
    ['Time', `${describeTime(data.durationMs)}, since ${data.startedAt}`],
    ['Client', data.client],
    ['Identity', data.identity],
    ['Route', data.route],
    ['Status', data.status === null ? null : String(data.status)],
    ['Protocol', data.httpVersion === null ? null : `HTTP/${data.httpVersion}`],
    ['Server', data.upstream],
    ['Address', data.upstreamAddress],
    ['Attempts', String(data.attempts)],
    ['Healed', data.resumes === 0 ? null : `${data.resumes}×, at ${data.resumedAt.join(', ')}`],
    ['Zero copy', data.zeroCopy ? 'yes' : 'no'],
    ['Worker', data.worker === null ? null : String(data.worker)],
    ['Request id', data.requestId],
    ['Error', item.end?.errorMessage ?? null],
  ];
  const nameWidth = Math.min(11, width);
  const lines = facts.flatMap(([name, value]) =>
    value === null ? [] : [paint(fit(name, nameWidth), 'dim') + cutTo(toVisible(value), width - nameWidth)],
  );
  return pad([paint(cutTo(toVisible(item.name), width), 'bold'), ...lines], rows);
}

function drawFooter({ footer, isDetailed }: Screen, width: number, paint: Paint): string {
  if (footer.kind === 'message')
    return paint(cutTo(toVisible(footer.text), width), footer.isError ? 'red' : 'green');
  if (footer.kind === 'prompt') {
    // The end of a long input stays visible, where the cursor is.
    const input = cutStart(` ${toVisible(footer.input)}▏`, width);
    // The end of a long question says which answers there are.
    const room = Math.max(0, width - widthOf(input));
    const question = room === 0 ? '' : cutMiddle(toVisible(footer.question), room);
    return paint(question, 'bold') + input;
  }
  const keys = isDetailed
    ? ['Esc back', 'a abort', 'l limit', 'q quit']
    : ['↑↓ select', 'Enter details', '/ filter', 's sort', 'r reverse', 'a abort', 'l limit', 'q quit'];
  // The last ones are those that are needed most.
  while (keys.length > 1 && widthOf(keys.join('  ')) > width) keys.shift();
  return paint(cutTo(keys.join('  '), width), 'dim');
}

/** Exactly `count` lines. */
const pad = (lines: readonly string[], count: number): string[] =>
  Array.from({ length: count }, (_, i) => lines[i] ?? '');
