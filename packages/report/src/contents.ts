import type {
  AnyRow,
  Card,
  ColumnImputationError,
  DriftReport,
  Explanation,
  QualityReport,
  TableHistory,
  Threshold,
} from '@latent/tables';
import type { ColumnSummary } from './summary.ts';

/** An odd row: its cells, and why. */
export interface OddRow {
  /** Its place in the file, from 0. */
  readonly row: number;
  readonly cells: AnyRow;
  readonly explanation: Explanation;
}

/** Rows as points on a plane, with what colours them. */
export interface CodeMap {
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Of the column that colours the points: one for each. */
  readonly values?: readonly unknown[];
  readonly column?: string;
}

/** What a report is made of: plain result objects, each of which may be left out. */
export interface ReportContents {
  readonly title: string;
  /** How to make the report again. */
  readonly command?: string;
  /** Of the rows that the report is about. */
  readonly rows?: number;
  readonly card?: Card;
  readonly history?: TableHistory;
  /** Sentences at the top: what a reader must know first. */
  readonly alerts?: readonly string[];
  readonly columns?: readonly ColumnSummary[];
  readonly anomalies?: {
    /** Of all rows, and of those that calibrated the model. */
    readonly scores: ArrayLike<number>;
    readonly calibrationScores?: ArrayLike<number>;
    readonly threshold?: Threshold;
    /** Odd rows in all, of which `rows` are shown. */
    readonly count: number;
    readonly rows: readonly OddRow[];
  };
  readonly imputation?: readonly ColumnImputationError[];
  readonly quality?: QualityReport;
  readonly drift?: DriftReport;
  readonly map?: CodeMap;
}
