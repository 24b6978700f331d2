/** What models of tables answer: plain data, which can be written as JSON and drawn by whoever has only these types. */

/** The names of a row's columns. */
export type ColumnName<Row> = Extract<keyof Row, string>;

/** A row without holes in the columns that a model sees; ids and texts stay as they were. */
export type Filled<Row> = { [K in keyof Row]: Exclude<Row[K], null | undefined> };

/** A row of a table whose columns' types are not known. */
export type AnyRow = Record<string, unknown>;

/** What a row is held to be. */
export interface Prediction {
  readonly anomaly: boolean;
  /** In nats; higher is odder. */
  readonly score: number;
  /** The share of usual rows at least as odd, as the calibration rows say: (1 + #{sᵢ ≥ s})/(n + 1). */
  readonly pValue: number;
}

/** How anomalies are told from usual rows; one of the four. */
export type PredictOptions =
  /** At most this share of usual rows raise an alarm: on average over calibrations, or with this `confidence` in this one. */
  | { readonly falseAlarmRate: number; readonly confidence?: number }
  /** At most this share of the alarms of a batch are false, on average (Benjamini & Hochberg 1995). */
  | { readonly falseDiscoveryRate: number }
  /** This share of calibration rows is odder; no guarantee beyond these rows. */
  | { readonly contamination: number }
  /** A score of your own choice, in nats. */
  | { readonly threshold: number };

/** Where the line is drawn, and what is promised for it. */
export interface Threshold {
  /** Rows with a score of at least this are anomalies; Infinity where none can be. */
  readonly score: number;
  /** Rows with a p-value up to this; null where the line is no p-value. */
  readonly pValue: number | null;
  /** Rows that took no part in fitting, by which it was drawn. */
  readonly calibrationRows: number;
  /** The guarantee in a sentence. */
  readonly guarantee: string;
}

/** What was to be expected in a cell, given the rest of its row. */
export type Expected =
  /** Of numbers and dates: the median and an interval that holds nine of ten. */
  | { readonly value: unknown; readonly low: unknown; readonly high: unknown }
  /** Of categories: levels of at least 5 %, most likely first. */
  | { readonly likely: readonly { readonly value: unknown; readonly probability: number }[] };

/** How odd one cell of a row is. */
export interface CellReason<Row = AnyRow> {
  readonly column: ColumnName<Row>;
  readonly value: unknown;
  /** Surprise given the rest of the row, −log p(x_j | x_−j), in nats. */
  readonly nats: number;
  /** The share of usual rows whose cell in this column is at least as surprising. */
  readonly pValue: number;
  /** The same, held against the number of columns that were looked at (Holm 1979). */
  readonly adjustedPValue: number;
  /** The column's part of the row's score above its usual part, in nats: large where it moved, explained or not. */
  readonly moved: number;
  readonly expected: Expected;
}

/** Why a row is odd: its cells, most telling first. */
export interface Explanation<Row = AnyRow> {
  /** Of the rows that were asked about, from 0. */
  readonly row: number;
  readonly score: number;
  readonly pValue: number;
  readonly cells: readonly CellReason<Row>[];
}

/** The fewest cells whose change makes a row usual. */
export interface Repair<Row = AnyRow> {
  readonly row: number;
  /** Whether the row is usual after the changes; it may not be possible. */
  readonly usual: boolean;
  readonly pValueBefore: number;
  readonly pValueAfter: number;
  readonly changes: readonly { readonly column: ColumnName<Row>; readonly from: unknown; readonly to: unknown }[];
  readonly repaired: Row;
}

/** A cell that was filled. */
export interface ImputedCell<Row = AnyRow> {
  readonly row: number;
  readonly column: ColumnName<Row>;
  readonly value: unknown;
  readonly expected: Expected;
}

/** Rows with their holes filled, and how far to trust what was put there. */
export interface Imputation<Row = AnyRow> {
  /** The rows with their holes filled by what is expected: means, and the most likely levels. */
  readonly rows: readonly Filled<Row>[];
  /** The rows filled by draws, as real rows vary: as many tables as were asked for. */
  readonly draws: readonly (readonly Filled<Row>[])[];
  readonly cells: readonly ImputedCell<Row>[];
}

/** How far filled cells are off, measured on known cells that were hidden from the model. */
export interface ColumnImputationError<Row = AnyRow> {
  readonly column: ColumnName<Row>;
  /** Root of the mean squared error of numbers in their own unit (dates in days), or the share of wrong levels. */
  readonly measure: 'rmse' | 'wrong';
  readonly error: number;
  /** Of filling in the mean, or the most frequent level. */
  readonly baseline: number;
  /** Cells that were hidden. */
  readonly cells: number;
  /** Whether the model is better than the baseline on these cells, by more than a standard error. */
  readonly better: boolean;
}

/** A row that was learned from, near another by their codes. */
export interface Neighbour {
  /** Its place among the rows given to `fit`, from 0. */
  readonly index: number;
  /** Between the codes, Euclidean. */
  readonly distance: number;
}

/** A test of one column's distribution. */
export interface ColumnDrift<Row = AnyRow> {
  readonly column: ColumnName<Row>;
  /** Kolmogorov–Smirnov for numbers and dates, χ² for categories, cells of few rows pooled. */
  readonly test: 'ks' | 'chiSquared';
  readonly statistic: number;
  readonly pValue: number;
  /** Held against the number of columns (Holm 1979). */
  readonly adjustedPValue: number;
  /** How large the change is: Wasserstein distance by the reference's standard deviation, or total variation. */
  readonly effect: number;
  readonly effectOf: 'wasserstein' | 'totalVariation';
  readonly drift: boolean;
  /** Shares of holes, by Fisher's exact test (or its χ² approximation). */
  readonly holes: {
    readonly reference: number;
    readonly now: number;
    readonly pValue: number;
    readonly adjustedPValue: number;
    readonly drift: boolean;
  };
}

/** Whether new rows are like those that a model was fitted on, and where they differ. */
export interface DriftReport<Row = AnyRow> {
  /** Whether any of the three families of tests found drift. */
  readonly drift: boolean;
  /** New rows, and rows of the reference, which took no part in fitting. */
  readonly rows: number;
  readonly referenceRows: number;
  readonly alpha: number;
  /** Two-sample test of the scores: one number with an exact level. */
  readonly scores: { readonly statistic: number; readonly pValue: number; readonly drift: boolean };
  readonly columns: readonly ColumnDrift<Row>[];
  /** Maximum mean discrepancy of the codes, by permutations: what moved together. */
  readonly codes: { readonly mmd2: number; readonly pValue: number; readonly drift: boolean };
  /** What was odd about the rows' columns, in sentences. */
  readonly notes: readonly string[];
}

/** A figure of synthetic rows, beside the same figure of two tables that say what it is worth. */
export interface Measure {
  readonly value: number;
  /** Of columns drawn independently of one another from the real table. */
  readonly independent: number;
  /** Of real rows that were held out; null without a holdout. */
  readonly real: number | null;
}

/** How good synthetic rows are. */
export interface QualityReport<Row = AnyRow> {
  readonly rows: { readonly real: number; readonly synthetic: number; readonly holdout: number };
  /** Mean over columns of 1 − Kolmogorov–Smirnov (numbers, dates) or 1 − total variation (levels). */
  readonly shapes: Measure & { readonly columns: readonly (Measure & { readonly column: ColumnName<Row> })[] };
  /** Mean over pairs of columns, by correlations, or shares of cells with the real table's edges. */
  readonly pairs: Measure & {
    /** Of pairs that belong together: |ρ| > 0.5 or Cramér's V > 0.3. */
    readonly associated: Measure & { readonly count: number };
    readonly list: readonly (Measure & {
      readonly a: ColumnName<Row>;
      readonly b: ColumnName<Row>;
      readonly associated: boolean;
    })[];
  };
  /** Area under the ROC curve of boosted trees that tell synthetic from real rows: 0.5 is perfect. */
  readonly detection: Measure;
  /** What boosted trees learn from the rows, measured on the holdout: area under the ROC curve, or R². */
  readonly utility: (Measure & { readonly target: ColumnName<Row>; readonly of: 'auc' | 'r2' }) | null;
  /** Null without a holdout. Measured, not guaranteed. */
  readonly privacy: {
    /** Synthetic rows that are real rows, and held-out rows that are. */
    readonly copies: number;
    readonly holdoutCopies: number;
    /** Share of synthetic rows nearer to the real than to as many held-out rows: 0.5 is right. */
    readonly nearerShare: number;
    /** 5 % quantile of the distance to the closest real row: of synthetic rows, and of the holdout. */
    readonly distance: { readonly synthetic: number; readonly holdout: number };
  } | null;
  /** Columns that synthetic rows have no value in, which are not judged: ids, texts, ignored ones. */
  readonly leftOut?: readonly ColumnName<Row>[];
  /** Shares that must be 1: values in the real range, levels that are known. */
  readonly valid: { readonly inRange: number; readonly known: number };
}

/** A column, in a card. */
export interface CardColumn {
  readonly name: string;
  readonly kind: string;
  /** Share of rows. */
  readonly holes: number;
  readonly why: string;
}

/** What a model is and what it can promise; no cell of an id or text column, and no row. */
export interface Card {
  readonly library: string;
  readonly version: string;
  readonly task: string;
  readonly created: string;
  readonly seed: number;
  readonly seconds: number;
  readonly rows: {
    readonly given: number;
    readonly learned: number;
    readonly watched: number;
    readonly calibration: number;
  };
  readonly columns: readonly CardColumn[];
  readonly model: {
    readonly members: number;
    readonly hidden: readonly number[];
    readonly latentSize: number;
    readonly activation: string;
    readonly numbers: string;
    readonly likelihood: string;
    readonly parameters: number;
    readonly epochs: number;
  };
  /** Nats per row of held-out rows: of the model, and of columns that know nothing of each other. */
  readonly loss: { readonly model: number; readonly null: number; readonly nullWins: boolean };
  readonly calibration: { readonly rows: number; readonly smallestRate: number };
  readonly imputation: readonly ColumnImputationError[];
  readonly warnings: readonly string[];
  readonly limits: readonly string[];
}

/** How a fit went, epoch by epoch. */
export interface TableHistory {
  /** Of each member of the ensemble. */
  readonly members: readonly {
    readonly epochs: readonly {
      readonly epoch: number;
      readonly loss: number;
      readonly reconstruction: number;
      readonly kl: number;
      readonly validation: number;
    }[];
    readonly best: number;
    readonly stopped: string;
  }[];
  /** The loss of columns that know nothing of each other, on the same rows as `validation`. */
  readonly nullLoss: number;
}

/** Where a fit is. */
export interface TableProgress {
  readonly phase: 'read' | 'learn' | 'train' | 'calibrate';
  /** Of the whole, from 0 to 1. */
  readonly done: number;
  readonly epoch?: number;
  readonly epochs?: number;
  readonly loss?: number;
  /** At the present speed; null while it is not known. */
  readonly secondsLeft: number | null;
}

/** A row of a stream that was watched. */
export interface WatchEvent<Row = AnyRow> extends Prediction {
  /** Of the stream, from 0. */
  readonly index: number;
  readonly row: Row;
  /**
   * How strongly the stream as a whole no longer looks like the calibration rows: a betting martingale on the p-values, which
   * ever reaches 1/α with probability at most α while it does.
   */
  readonly change: number;
  /** Whether `change` has reached 1/α. */
  readonly changed: boolean;
}
