import { formatBytes } from '../dashboard/format.js';
import type { Selection, SortKey } from '../dashboard/select.js';
import { advance, progressOf, type TransferItem } from '../dashboard/store.js';
import { bytesText, percentText, rateText, serverText, stateOf } from '../dashboard/wording.js';
import type { Style } from '../terminal/color.js';
import { describeTime } from '../terminal/units.js';

/** A column of the table. */
export interface Column {
  title: string;
  /** In terminal columns. Null: takes what is left. */
  width: number | null;
  align: 'left' | 'right';
  /** Columns with lower numbers stay longest on a narrow terminal. */
  priority: number;
  sort: SortKey | null;
  /** May contain any character. */
  text(item: TransferItem, now: number): string;
  style?(item: TransferItem, now: number): readonly Style[];
}

const BAR_WIDTH = 10;
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

const columns: readonly Column[] = [
  { title: 'FILE', width: null, align: 'left', priority: 0, sort: 'name', text: ({ name }) => name },
  {
    title: 'CLIENT',
    width: 15,
    align: 'left',
    priority: 5,
    sort: 'client',
    text: ({ data }) => data.client ?? '–',
  },
  {
    title: 'ROUTE',
    width: 12,
    align: 'left',
    priority: 9,
    sort: null,
    text: ({ data }) => data.route ?? '–',
  },
  {
    title: 'SERVER',
    width: 18,
    align: 'left',
    priority: 7,
    sort: 'upstream',
    text: ({ data }) => serverText(data.upstream),
  },
  {
    title: 'PROGRESS',
    width: BAR_WIDTH,
    align: 'left',
    priority: 4,
    sort: 'progress',
    text: (item) => bar(item),
    style: ({ data }) => (data.resumes > 0 ? ['cyan'] : ['green']),
  },
  {
    title: '%',
    width: 5,
    align: 'right',
    priority: 1,
    sort: 'progress',
    text: ({ data }) => percentText(data).replace(' ', ''),
  },
  { title: 'BYTES', width: 19, align: 'right', priority: 6, sort: null, text: ({ data }) => bytesText(data) },
  { title: 'RATE', width: 12, align: 'right', priority: 2, sort: 'rate', text: rateText },
  {
    title: 'LIMIT',
    width: 9,
    align: 'right',
    priority: 10,
    sort: null,
    text: ({ data }) => (data.limit === null ? '' : formatBytes(data.limit)),
  },
  {
    title: 'TIME',
    width: 8,
    align: 'right',
    priority: 8,
    sort: 'startedAt',
    text: (item, now) => describeTime(advance(item, now).durationMs),
  },
  {
    title: 'HEALED',
    width: 6,
    align: 'right',
    priority: 11,
    sort: null,
    text: ({ data }) => (data.resumes === 0 ? '' : `${data.resumes}×`),
    style: () => ['cyan'],
  },
  {
    title: 'LEFT',
    width: 17,
    align: 'left',
    priority: 3,
    sort: 'etaMs',
    text: (item, now) => {
      const { text, since, tone } = stateOf(item, now);
      if (tone === 'waiting') return `${text.replace('Waits for ', '')} ${since.replace('for ', '')}`;
      if (item.end !== null) return text;
      const { etaMs } = advance(item, now);
      return etaMs === null ? '–' : describeTime(etaMs);
    },
    style: (item, now) => TONES[stateOf(item, now).tone] ?? [],
  },
];

const TONES: Readonly<Record<string, readonly Style[]>> = {
  waiting: ['yellow'],
  good: ['green'],
  bad: ['red'],
  left: ['dim'],
};

const NAME_MIN = 12;

/** The columns that fit, with their widths. */
export function chooseColumns(width: number): { column: Column; width: number }[] {
  const chosen = [...columns];
  const taken = (): number => chosen.reduce((sum, column) => sum + (column.width ?? NAME_MIN) + 1, -1);
  while (taken() > width && chosen.length > 1) {
    const last = chosen.reduce((worst, column) => (column.priority > worst.priority ? column : worst));
    chosen.splice(chosen.indexOf(last), 1);
  }
  const rest = Math.max(0, width - taken());
  return chosen.map((column) => ({
    column,
    width: Math.min(width, column.width ?? NAME_MIN + rest),
  }));
}

/** The orders of the table by their names, in the sequence in which a key changes them. */
export const orders = {
  started: { sort: 'startedAt', direction: 'desc' },
  rate: { sort: 'rate', direction: 'desc' },
  progress: { sort: 'progress', direction: 'desc' },
  left: { sort: 'etaMs', direction: 'asc' },
  waiting: { sort: 'waitingMs', direction: 'desc' },
  file: { sort: 'name', direction: 'asc' },
  client: { sort: 'client', direction: 'asc' },
  server: { sort: 'upstream', direction: 'asc' },
} as const satisfies Record<string, Pick<Selection, 'sort' | 'direction'>>;

function bar({ data }: TransferItem): string {
  const { bytes, total } = progressOf(data);
  if (total === null) return '';
  const eighths = Math.floor((total === 0 ? 1 : Math.min(1, bytes / total)) * BAR_WIDTH * 8);
  return `${'█'.repeat(Math.floor(eighths / 8))}${EIGHTHS[eighths % 8] ?? ''}`.padEnd(BAR_WIDTH, '·');
}
