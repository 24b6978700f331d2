import { aligned, partOf } from '@latent/nn';
import {
  describeValue,
  fields,
  isPlainObject,
  list,
  optional,
  real,
  refuseUnknown,
  text,
  ValueError,
  whole,
} from '@latent/tensor';
import type { ColumnKind } from '../kinds/column-kind.ts';
import { knownKinds } from '../kinds/standard.ts';
import type { AnyRow, ColumnName } from '../results.ts';

/** A column: what it holds, and why that is thought. */
export interface SchemaColumn<Row = AnyRow> {
  readonly name: ColumnName<Row>;
  readonly kind: ColumnKind;
  /** Share of the rows that were looked at. */
  readonly holes: number;
  /** Different values among them. */
  readonly distinct: number;
  /** One of its values, as text; empty for ids and texts. */
  readonly example: string;
  readonly why: string;
}

/** A schema as JSON. */
export interface SchemaJson {
  readonly columns: readonly {
    readonly name: string;
    readonly kind: { readonly name: string; readonly [option: string]: unknown };
    readonly holes: number;
    readonly distinct: number;
    readonly example: string;
    readonly why: string;
  }[];
}

/** Columns beyond this are no table. */
const MOST_COLUMNS = 10_000;

const columnsCheck = /* @__PURE__ */ list(
  /* @__PURE__ */ fields({
    name: /* @__PURE__ */ text(),
    kind: (value, at) => partOf(knownKinds, 'column.numeric()')(value, at),
    holes: /* @__PURE__ */ optional(/* @__PURE__ */ real({ min: 0, max: 1 }), 0),
    distinct: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 0 }), 0),
    example: /* @__PURE__ */ optional(/* @__PURE__ */ text(), ''),
    why: /* @__PURE__ */ optional(/* @__PURE__ */ text(), 'as declared'),
  }),
  { min: 1, max: MOST_COLUMNS },
);

/**
 * What the columns of a table hold. It never changes; `with` gives another.
 *
 * ```ts
 * const schema = inferSchema(rows).with({ zip: column.id(), income: column.positive() });
 * console.log(String(schema));
 * ```
 */
export class Schema<Row extends object = AnyRow> {
  readonly columns: readonly SchemaColumn<Row>[];

  constructor(columns: readonly SchemaColumn<Row>[]) {
    const checked = columnsCheck(columns, { caller: 'Schema', path: 'columns' });
    const names = new Set<string>();
    for (const { name } of checked) {
      if (names.has(name)) throw new ValueError(`Schema: two columns are named '${name}'`);
      names.add(name);
    }
    this.columns = Object.freeze(checked) as readonly SchemaColumn<Row>[];
  }

  get names(): readonly ColumnName<Row>[] {
    return this.columns.map(({ name }) => name);
  }

  /** The column of that name. */
  column(name: ColumnName<Row>): SchemaColumn<Row> {
    const found = this.columns.find((column) => column.name === name);
    return found ?? refuseUnknown('Schema.column', 'column', String(name), this.names);
  }

  /** The same with other kinds: `schema.with({ zip: column.id(), note: column.ignore() })`. */
  with(kinds: { readonly [K in ColumnName<Row>]?: ColumnKind }): Schema<Row> {
    if (!isPlainObject(kinds)) {
      throw new ValueError(`Schema.with: expected { name: column.kind() }, got ${describeValue(kinds)}`);
    }
    const given = new Map(Object.entries(kinds));
    for (const [name, kind] of given) {
      if (!this.names.includes(name as ColumnName<Row>)) refuseUnknown('Schema.with', 'column', name, this.names);
      if (!knownKinds.is(kind)) {
        throw new ValueError(
          `Schema.with: ${name} must be a kind such as column.numeric(), got ${describeValue(kind)}`,
        );
      }
    }
    return new Schema(
      this.columns.map((column) => {
        const kind = given.get(column.name) as ColumnKind | undefined;
        if (kind === undefined) return column;
        return { ...column, kind, example: kind.role === 'none' ? '' : column.example, why: 'as declared' };
      }),
    );
  }

  toJSON(): SchemaJson {
    return { columns: this.columns.map(({ kind, ...column }) => ({ ...column, kind: kind.config() })) };
  }

  /** The schema that `toJSON` wrote; every field is checked. */
  static fromJSON<Row extends object = AnyRow>(json: unknown): Schema<Row> {
    if (!isPlainObject(json)) {
      throw new ValueError(`Schema.fromJSON: expected { columns: [ … ] }, got ${describeValue(json)}`);
    }
    return new Schema<Row>(json.columns as readonly SchemaColumn<Row>[]);
  }

  /** A table: name, kind, holes, distinct values, an example and why. */
  toString(): string {
    const head = ['column', 'kind', 'holes', 'distinct', 'example', 'why'];
    const rows = this.columns.map(({ name, kind, holes, distinct, example, why }) => [
      name,
      kind.name,
      holes === 0 ? '' : `${(100 * holes).toFixed(1)} %`,
      String(distinct),
      example.length > 24 ? `${example.slice(0, 23)}…` : example,
      why,
    ]);
    return aligned([head, ...rows]);
  }
}
