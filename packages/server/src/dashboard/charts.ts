// `uPlot` is a global: the page loads the script of the package.
import type UPlot from 'uplot';
import { byId } from './dom.js';
import { formatCount, formatRate } from './format.js';
import type { History } from './history.js';

const UNITS = [1, 2, 5, 10, 20, 50, 100, 200, 500];
/** Steps of the axes: of counts, and of bytes in all their units. */
const STEPS = Array.from({ length: 5 }, (_, power) => UNITS.map((step) => step * 1024 ** power)).flat();

interface Chart {
  plot: UPlot;
  box: HTMLElement;
}

/** The two charts over time. */
export class Charts {
  readonly #history: History;
  #charts: Chart[] = [];

  constructor(history: History) {
    this.#history = history;
    this.create();
    new ResizeObserver(() => {
      for (const { plot, box } of this.#charts) plot.setSize(sizeOf(box));
    }).observe(byId('chart-throughput'));
  }

  /** Creates both again, in the colours of the theme. */
  create(): void {
    for (const { plot } of this.#charts) plot.destroy();
    const colors = readColors();
    const span = () => this.#history.span;
    const rates = byId('chart-throughput');
    const ended = byId('chart-outcomes');
    this.#charts = [
      { plot: new uPlot(ratesOptions(rates, colors, span), this.#history.rates(), rates), box: rates },
      { plot: new uPlot(endedOptions(ended, colors, span), this.#history.ended(), ended), box: ended },
    ];
  }

  update(): void {
    if (document.hidden) return;
    const [rates, ended] = this.#charts;
    const columns = this.#history.rates();
    rates?.plot.setData(columns);
    ended?.plot.setData(this.#history.ended());
    const peak = Math.max(0, ...columns[1], ...columns[2]);
    byId('chart-throughput').setAttribute(
      'aria-label',
      `Throughput of the last ten minutes, at most ${formatRate(peak)}`,
    );
  }
}

interface Colors {
  down: string;
  downFill: string;
  up: string;
  good: string;
  bad: string;
  grid: string;
  text: string;
}

/** Of the theme. A canvas does not know the variables of a style sheet, nor `light-dark()`. */
function readColors(): Colors {
  const probe = document.createElement('i');
  document.body.append(probe);
  const read = (name: string): string => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const colors = {
    down: read('down'),
    downFill: read('down-fill'),
    up: read('up'),
    good: read('good-fill'),
    bad: read('bad-fill'),
    grid: read('grid'),
    text: read('muted'),
  };
  probe.remove();
  return colors;
}

/** The style sheet has the size. */
const sizeOf = (box: HTMLElement): { width: number; height: number } => ({
  width: box.clientWidth,
  height: box.clientHeight,
});

const font = '11px system-ui, sans-serif';

function ratesOptions(box: HTMLElement, colors: Colors, span: () => number): UPlot.Options {
  return {
    ...frame(box, colors, span, (value) => (value === 0 ? '0' : formatRate(value)), 66),
    series: [
      {},
      { stroke: colors.down, fill: colors.downFill, width: 1.75, points: { show: false } },
      { stroke: colors.up, width: 1.5, points: { show: false } },
    ],
  };
}

function endedOptions(box: HTMLElement, colors: Colors, span: () => number): UPlot.Options {
  const bars = uPlot.paths.bars?.({ size: [0.62, 14], radius: 0.15, align: 1 });
  const asBars = bars === undefined ? {} : { paths: bars };
  return {
    ...frame(box, colors, span, (value) => (Number.isInteger(value) ? formatCount(value) : ''), 40),
    series: [
      {},
      { fill: colors.good, width: 0, points: { show: false }, ...asBars },
      { fill: colors.bad, width: 0, points: { show: false }, ...asBars },
    ],
  };
}

/** What both charts have: the last ten minutes, a few quiet lines, and no cursor. */
function frame(
  box: HTMLElement,
  colors: Colors,
  span: () => number,
  format: (value: number) => string,
  size: number,
): Omit<UPlot.Options, 'series'> {
  const lines = { stroke: colors.grid, width: 1 };
  return {
    ...sizeOf(box),
    padding: [8, 16, 0, 0],
    cursor: { show: false },
    legend: { show: false },
    scales: {
      x: {
        time: true,
        range: (_plot, _min, max) => {
          const end = max ?? Date.now() / 1000;
          return [end - span(), end];
        },
      },
      y: { range: (_plot, _min, max) => [0, Math.max(1, (max ?? 0) * 1.15)] },
    },
    axes: [
      {
        stroke: colors.text,
        font,
        grid: { show: false },
        ticks: { show: false },
        space: 90,
        size: 24,
        values: (plot, splits) =>
          splits.map((split) => formatBefore((plot.scales['x']?.max ?? split) - split)),
        splits: (plot) => {
          const end = plot.scales['x']?.max ?? 0;
          const step = Math.max(30, span() / 5) * (box.clientWidth < 420 ? 2 : 1);
          return Array.from({ length: Math.ceil(span() / step) }, (_, i) => end - i * step).toReversed();
        },
      },
      {
        stroke: colors.text,
        font,
        grid: lines,
        ticks: { show: false },
        space: 34,
        size,
        gap: 8,
        values: (_plot, splits) => splits.map(format),
        incrs: STEPS,
      },
    ],
  };
}

/** `now`, `−30 s`, `−4 min`. */
function formatBefore(seconds: number): string {
  const rounded = Math.round(seconds);
  if (rounded === 0) return 'now';
  return rounded % 60 === 0 ? `−${rounded / 60} min` : `−${rounded} s`;
}
