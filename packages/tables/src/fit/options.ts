import { callable, checkOptions, instance, list, oneOf, optional, real, text, whole } from '@latent/tensor';
import { openRows, type TableInput } from '../input/source.ts';
import { type Task, taskCheck } from '../model/recipe.ts';
import type { TableState } from '../model/state.ts';
import type { AnyRow, ColumnName, TableProgress } from '../results.ts';
import { Schema } from '../schema/schema.ts';
import { fitState } from './fit-state.ts';
import type { MemberTrainer } from './fit-table.ts';

/** How a model is fitted. */
export interface TableOptions<Row extends object = AnyRow> {
  /** What the columns hold; inferred by default. */
  readonly schema?: Schema<Row>;
  /** What the model is to be best at; 'all' by default. */
  readonly task?: Task;
  /** 0 by default. */
  readonly seed?: number;
  /** Share of the rows that take no part in fitting (0.2): at least 100 and at most 10,000 of them, never more than a third. */
  readonly calibration?: number;
  /** A column whose equal values keep rows together, learned from or calibrated with: a customer, a machine. */
  readonly groupBy?: ColumnName<Row>;
  /** 'time': the last rows calibrate; 'random' by default. */
  readonly order?: 'random' | 'time';
  /** Models of different seeds whose answers are averaged; by the task by default. */
  readonly members?: number;
  /** Sizes of the encoder's layers; by the columns by default. */
  readonly hidden?: readonly number[];
  readonly latentSize?: number;
  readonly epochs?: number;
  /** Draws of a row's code for its score; 16 by default. */
  readonly draws?: number;
  /** Training ends after so many seconds. */
  readonly maxSeconds?: number;
  readonly signal?: AbortSignal;
  /** Ends training: what has been learned by then is calibrated and kept. */
  readonly finish?: AbortSignal;
  /** How each member is trained; by its own `fit`, by default. For runs that can be resumed, and for other machines. */
  readonly train?: MemberTrainer;
  onProgress?(event: TableProgress): void;
  /** Told what is odd about the data or the fit; `card().warnings` has it too. */
  onWarning?(message: string): void;
}

const optionChecks = {
  schema: /* @__PURE__ */ optional(
    /* @__PURE__ */ instance<Schema>('a schema: inferSchema(rows)', (value) => value instanceof Schema),
  ),
  task: /* @__PURE__ */ optional(taskCheck),
  seed: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 0 }), 0),
  calibration: /* @__PURE__ */ optional(/* @__PURE__ */ real({ above: 0, max: 0.5 }), 0.2),
  groupBy: /* @__PURE__ */ optional(/* @__PURE__ */ text()),
  order: /* @__PURE__ */ optional(/* @__PURE__ */ oneOf('random', 'time'), 'random' as const),
  members: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1, max: 32 })),
  hidden: /* @__PURE__ */ optional(/* @__PURE__ */ list(/* @__PURE__ */ whole({ min: 1, max: 4096 }), { max: 16 })),
  latentSize: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1, max: 1024 })),
  epochs: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 0 })),
  draws: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1, max: 1024 })),
  maxSeconds: /* @__PURE__ */ optional(/* @__PURE__ */ real({ above: 0 })),
  signal: /* @__PURE__ */ optional(
    /* @__PURE__ */ instance<AbortSignal>('an AbortSignal', (value) => 'aborted' in value),
  ),
  finish: /* @__PURE__ */ optional(
    /* @__PURE__ */ instance<AbortSignal>('an AbortSignal', (value) => 'aborted' in value),
  ),
  train: /* @__PURE__ */ optional(/* @__PURE__ */ callable<MemberTrainer>()),
  onProgress: /* @__PURE__ */ optional(/* @__PURE__ */ callable<(event: TableProgress) => void>()),
  onWarning: /* @__PURE__ */ optional(/* @__PURE__ */ callable<(message: string) => void>()),
};

/** What a model of rows knows once it is fitted; `task` is what its class is for. */
export async function fitted<Row extends object>(
  rows: TableInput<Row>,
  options: TableOptions<Row>,
  task: Task,
): Promise<TableState> {
  const caller = 'TableModel.fit';
  const checked = checkOptions(caller, options, optionChecks);
  return fitState(caller, await openRows(caller, rows as TableInput), {
    task: checked.task ?? task,
    seed: checked.seed,
    schema: checked.schema ?? null,
    calibration: checked.calibration,
    groupBy: checked.groupBy ?? null,
    inOrder: checked.order === 'time',
    members: checked.members,
    hidden: checked.hidden,
    latentSize: checked.latentSize,
    epochs: checked.epochs,
    draws: checked.draws,
    maxSeconds: checked.maxSeconds,
    signal: checked.signal,
    finish: checked.finish,
    train: checked.train,
    onProgress: (event) => checked.onProgress?.(event),
    onWarning: (message) => checked.onWarning?.(message),
  });
}
