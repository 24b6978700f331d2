import { type Dataset, type FlatRows, isList, parseRows, type Rows } from '@latent/nn';
import {
  type Check,
  concat,
  describeValue,
  fields,
  formatShape,
  isPlainObject,
  refuse,
  type Shape,
  sameShape,
  type Tensor,
  UsageError,
  ValueError,
  whole,
} from '@latent/tensor';
import type { RowsBeside } from '../model/rows-program.ts';
import { type Columns, isDataset } from '../model/training-rows.ts';

/** What rows are given with: the number of a class, from 0, or columns of numbers. */
export type Condition = { readonly classes: number } | { readonly columns: number };

/** A condition for rows: one for each (class numbers, or rows of numbers), or a single one for all. */
export type ConditionValue = number | ArrayLike<number> | Rows;

/** For what is asked of rows: the condition that they are given with. */
export interface ConditionOptions {
  /** Of a model with a condition: one for each row, or one for all. */
  readonly condition?: ConditionValue;
}

const classesFields = /* @__PURE__ */ fields({ classes: /* @__PURE__ */ whole({ min: 2, max: 1_000_000 }) });
const columnsFields = /* @__PURE__ */ fields({ columns: /* @__PURE__ */ whole({ min: 1, max: 1_000_000 }) });

/** A check for a condition among a model's options. */
export const conditionCheck: Check<Condition> = (value, at) => {
  if (!isPlainObject(value)) return refuse(at, 'an object such as { classes: 10 } or { columns: 3 }', value);
  return 'columns' in value ? columnsFields(value, at) : classesFields(value, at);
};

/** Numbers of a condition as networks see it: classes are ones among zeros. */
export function conditionSize(condition: Condition | null): number {
  if (condition === null) return 0;
  return 'classes' in condition ? condition.classes : condition.columns;
}

/** The conditions of `count` rows as numbers, [count, size]; with `repeat`, one may stand for all. */
export function conditionRows(
  caller: string,
  condition: Condition,
  value: unknown,
  count: number | null,
  repeat: boolean,
): FlatRows {
  const width = conditionSize(condition);
  const own = 'classes' in condition ? ofClasses(caller, width, value) : ofColumns(caller, width, value);
  if (count === null || own.count === count) return own;
  if (own.count !== 1 || !repeat) {
    throw new ValueError(`${caller}: there are ${count} rows, but ${own.count} conditions`);
  }
  const values = new Float32Array(count * width);
  for (let r = 0; r < count; r++) values.set(own.values, r * width);
  return { values, count, width };
}

function ofClasses(caller: string, classes: number, value: unknown): FlatRows {
  const labels = typeof value === 'number' ? [value] : value;
  const tensor = labels as { readonly shape?: Shape; readonly data?: Float32Array };
  const list = isList(labels) ? labels : tensor?.shape?.length === 1 ? (tensor.data as Float32Array) : null;
  if (list === null) {
    return refuse({ caller, path: 'condition' }, 'class numbers, one for each row, or one for all', value);
  }
  const check = whole({ min: 0, max: classes - 1 });
  const values = new Float32Array(list.length * classes);
  for (let r = 0; r < list.length; r++) {
    values[r * classes + check(list[r], { caller, path: `condition[${r}]` })] = 1;
  }
  if (list.length === 0) throw new ValueError(`${caller}: condition needs at least one class number, got none`);
  return { values, count: list.length, width: classes };
}

function ofColumns(caller: string, columns: number, value: unknown): FlatRows {
  if (typeof value === 'number') return ofColumns(caller, columns, [value]);
  // Of one column, numbers stand for themselves; and one row may come without an array around it.
  const plain = Array.isArray(value) && typeof value[0] === 'number';
  const rows = plain && columns > 1 ? [value] : value;
  if (!isList(rows) && !(typeof rows === 'object' && rows !== null && 'storage' in rows)) {
    throw new ValueError(
      `${caller}: condition must be rows of ${columns} numbers, or one for all, got ${describeValue(value)}`,
    );
  }
  const parsed = parseRows(`${caller}: condition`, rows, plain && columns === 1 ? [] : [columns]);
  return { ...parsed, values: Float32Array.from(parsed.values) };
}

/** What stands beside rows of a model: their condition, where it has one; else nothing, and none may be given. */
export function besideRows(
  caller: string,
  condition: Condition | null,
  value: unknown,
  count: number,
): RowsBeside | undefined {
  if (condition === null) {
    if (value === undefined) return undefined;
    throw new UsageError(
      `${caller}: this model has no condition; make it with one: { condition: { classes: 10 } } or { columns: 3 }`,
    );
  }
  if (value === undefined) throw new UsageError(`${caller}: ${needed(condition)}`);
  const { values } = conditionRows(caller, condition, value, count, true);
  return { condition: { values: values as Float32Array, shape: [conditionSize(condition)] } };
}

/** The sentence for a condition that is not there. */
export function needed(condition: Condition): string {
  const what = 'classes' in condition ? `class numbers below ${condition.classes}` : `rows of ${condition.columns}`;
  return `this model needs the condition of each row, ${what}: { condition }`;
}

/** Rows [n, …, channels] with their condition [n, size] as further columns, or as channels that are the same at each place. */
export function withCondition(x: Tensor, condition: Tensor): Tensor {
  const [rows = 0, size = 0] = condition.shape;
  if (x.shape.length === 2) return concat([x, condition], -1);
  const places = x.shape.slice(1, -1);
  const spread = condition.reshape([rows, ...places.map(() => 1), size]).broadcastTo([rows, ...places, size]);
  return concat([x, spread], -1);
}

/** The conditions of training rows, or of validation rows, one for each; `name` is the option that gives them. */
export function conditionToFit(
  name: string,
  condition: Condition | null,
  data: Rows | Dataset,
  value: unknown,
): Columns {
  const caller = 'Vae.fit';
  if (condition === null) {
    besideRows(`${caller}: ${name}`, null, value, 0);
    return {};
  }
  const size = conditionSize(condition);
  if (isDataset(data)) {
    const shape = data.spec.condition;
    if (value === undefined && shape !== undefined && sameShape(shape, [size])) return {};
    throw new UsageError(
      `${caller}: a data set brings its conditions itself, as condition of [${size}]${shape === undefined ? '' : `, got ${formatShape(shape)}`}`,
    );
  }
  if (value === undefined) {
    throw new UsageError(`${caller}: ${needed(condition).replace('{ condition }', `{ ${name} }`)}`);
  }
  const rows = conditionRows(caller, condition, value, null, false);
  return { condition: { rows, shape: [size], called: 'conditions' } };
}
