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
  readonly #cells = new Cells<Series>((labels) => ({ labels, value: 0 }));

  /** Returns the cell of the label values, which stays the same: keep it where it is needed often. */
  cell(...labels: string[]): Series {
    return this.#cells.get(labels);
  }

  get all(): Series[] {
    return this.#cells.all;
  }
}

/** What is counted for each combination of label values. */
class Cells<T extends { readonly labels: LabelValues }> {
  readonly #make: (labels: LabelValues) => T;
  readonly #byKey = new Map<string, T>();
  /** Most transfers have the labels of the one before. */
  #last: T | null = null;

  constructor(make: (labels: LabelValues) => T) {
    this.#make = make;
  }

  get(labels: LabelValues): T {
    if (this.#last !== null && areEqual(this.#last.labels, labels)) return this.#last;
    const key = labels.join('\0');
    let cell = this.#byKey.get(key);
    if (cell === undefined) {
      cell = this.#make(labels);
      this.#byKey.set(key, cell);
    }
    this.#last = cell;
    return cell;
  }

  get all(): T[] {
    return [...this.#byKey.values()];
  }
}

function areEqual(a: LabelValues, b: LabelValues): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
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
  readonly #cells: Cells<Distribution>;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#cells = new Cells((labels) => new Distribution(labels, bounds));
  }

  cell(...labels: string[]): Distribution {
    return this.#cells.get(labels);
  }

  get all(): HistogramSeries[] {
    return this.#cells.all.map((each) => each.toSeries());
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
