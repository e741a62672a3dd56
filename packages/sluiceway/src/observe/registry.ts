/** Values of labels, in the order of their names. */
type LabelValues = readonly string[];

interface Series {
  labels: LabelValues;
  value: number;
}

interface HistogramSeries {
  labels: LabelValues;
  /** How many values are in each bucket alone. The last one has those above all bounds. */
  counts: number[];
  sum: number;
}

/** The values of one metric, as plain data: workers send them to each other. */
export interface MetricSnapshot {
  name: string;
  help: string;
  type: 'counter' | 'gauge' | 'histogram';
  labelNames: readonly string[];
  /** Upper bounds of the buckets of a histogram. */
  bounds: readonly number[];
  series: readonly Series[];
  histograms: readonly HistogramSeries[];
}

/** A number for each combination of label values. */
export class Numbers {
  readonly #series = new Map<string, Series>();

  /** Returns the cell of the label values, which stays the same: keep it where it is needed often. */
  cell(...labels: string[]): Series {
    const key = labels.join('\0');
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { labels, value: 0 };
      this.#series.set(key, series);
    }
    return series;
  }

  get all(): Series[] {
    return [...this.#series.values()];
  }
}

/** Counts values by their size. */
export class Distribution {
  readonly labels: LabelValues;
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  constructor(labels: LabelValues, bounds: readonly number[]) {
    this.labels = labels;
    this.#bounds = bounds;
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  add(value: number): void {
    let i = 0;
    while (i < this.#bounds.length && value > (this.#bounds[i] ?? 0)) i += 1;
    this.#counts[i] = (this.#counts[i] ?? 0) + 1;
    this.#sum += value;
  }

  toSeries(): HistogramSeries {
    return { labels: this.labels, counts: [...this.#counts], sum: this.#sum };
  }
}

/** A distribution for each combination of label values. */
export class Distributions {
  readonly bounds: readonly number[];
  readonly #all = new Map<string, Distribution>();

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
  }

  cell(...labels: string[]): Distribution {
    const key = labels.join('\0');
    let found = this.#all.get(key);
    if (found === undefined) {
      found = new Distribution(labels, this.bounds);
      this.#all.set(key, found);
    }
    return found;
  }

  get all(): HistogramSeries[] {
    return Array.from(this.#all.values(), (each) => each.toSeries());
  }
}

export const numbers = (
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  labelNames: readonly string[],
  series: readonly Series[],
): MetricSnapshot => ({ name, help, type, labelNames, bounds: [], series, histograms: [] });

export const histogram = (
  name: string,
  help: string,
  labelNames: readonly string[],
  { bounds, all }: Distributions,
): MetricSnapshot => ({ name, help, type: 'histogram', labelNames, bounds, series: [], histograms: all });
