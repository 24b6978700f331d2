import { describeValue, isPlainObject, ValueError } from '@latent/tensor';
import { boolean, category, constant } from '../kinds/category.ts';
import type { ColumnKind } from '../kinds/column-kind.ts';
import { date, time } from '../kinds/date.ts';
import { count, numeric, positive } from '../kinds/numeric.ts';
import { id, ignore, text } from '../kinds/passive.ts';
import type { AnyRow, ColumnName } from '../results.ts';
import { Schema } from './schema.ts';

/** What a library of schemas shows of one (standardschema.dev, Standard JSON Schema): zod 4, valibot, arktype and others. */
export interface StandardJsonSchema<Row = unknown> {
  readonly '~standard': {
    readonly jsonSchema: { output(options: { readonly target: string }): unknown };
    readonly types?: { readonly output: Row } | undefined;
  };
}

/** A kind and why. */
type Told = readonly [kind: ColumnKind, why: string];

/** What one field of a JSON Schema may say; the first that speaks decides. */
const rules: readonly ((field: Record<string, unknown>, type: unknown) => Told | null)[] = [
  ({ const: only }) => (only === undefined ? null : [constant(), 'const']),
  ({ enum: levels }) => {
    if (!Array.isArray(levels)) return null;
    const plain = levels.filter((level) => ['string', 'number', 'boolean'].includes(typeof level));
    return plain.length === 1 ? [constant(), 'enum of one'] : [category({ levels: plain }), `enum of ${plain.length}`];
  },
  (_, type) => (type === 'boolean' ? [boolean(), 'boolean'] : null),
  ({ minimum, exclusiveMinimum }, type) => {
    if (type !== 'integer') return null;
    const least =
      typeof minimum === 'number' ? minimum : typeof exclusiveMinimum === 'number' ? exclusiveMinimum + 1 : -1;
    return least >= 0 ? [count(), `integer from ${least}`] : [numeric(), 'integer'];
  },
  ({ minimum, exclusiveMinimum }, type) => {
    if (type !== 'number') return null;
    const above = typeof exclusiveMinimum === 'number' && exclusiveMinimum >= 0;
    return above || (typeof minimum === 'number' && minimum > 0)
      ? [positive(), 'number above 0']
      : [numeric(), 'number'];
  },
  ({ format }, type) =>
    type === 'string' && format === 'date' ? [date({ format: 'YYYY-MM-DD' }), 'format date'] : null,
  ({ format }, type) =>
    type === 'string' && format === 'date-time' ? [date({ format: 'ISO 8601' }), 'format date-time'] : null,
  ({ format }, type) => (type === 'string' && format === 'time' ? [time(), 'format time'] : null),
  ({ format }, type) =>
    type === 'string' && ['uuid', 'guid', 'ulid', 'nanoid', 'cuid', 'cuid2'].includes(String(format))
      ? [id(), `format ${String(format)}`]
      : null,
  (_, type) => (type === 'string' ? [text(), 'string without an enum'] : null),
];

/** A field without the null that it may also be. */
function withoutNull(field: Record<string, unknown>): Record<string, unknown> {
  for (const name of ['anyOf', 'oneOf'] as const) {
    const options = field[name];
    if (!Array.isArray(options)) continue;
    const rest = options.filter((option) => isPlainObject(option) && option.type !== 'null') as Record<
      string,
      unknown
    >[];
    if (rest.length === 1) return { ...field, ...(rest[0] as Record<string, unknown>) };
    if (rest.length > 1 && rest.every((option) => option.const !== undefined)) {
      return { ...field, enum: rest.map((option) => option.const) };
    }
  }
  if (Array.isArray(field.type)) {
    const rest = field.type.filter((type) => type !== 'null');
    if (rest.length === 1) return { ...field, type: rest[0] };
  }
  return field;
}

/**
 * A schema from one that a library of schemas has, or from a plain JSON Schema of an object: whole numbers from 0 are counts, numbers
 * above 0 positive, enums categories, dates dates, other text is left alone. Nothing is imported.
 *
 * ```ts
 * const schema = schemaFrom(z.object({ age: z.int().min(0), plan: z.enum(['free', 'paid']) }));
 * ```
 */
export function schemaFrom<Row extends object = AnyRow>(source: StandardJsonSchema<Row> | object): Schema<Row> {
  const caller = 'schemaFrom';
  const standard = (source as Partial<StandardJsonSchema> | null)?.['~standard'];
  if (
    typeof source === 'object' &&
    source !== null &&
    '~standard' in source &&
    typeof standard?.jsonSchema?.output !== 'function'
  ) {
    throw new ValueError(
      `${caller}: this schema validates but does not describe itself as JSON Schema; take a version of its library that has ~standard.jsonSchema, or give JSON Schema`,
    );
  }
  const json: unknown = standard === undefined ? source : standard.jsonSchema.output({ target: 'draft-2020-12' });
  if (!isPlainObject(json) || !isPlainObject(json.properties)) {
    throw new ValueError(`${caller}: expected the schema of an object with properties, got ${describeValue(json)}`);
  }
  return new Schema(
    Object.entries(json.properties).map(([name, value]) => {
      const field = isPlainObject(value) ? withoutNull(value) : {};
      const type = field.type ?? (Array.isArray(field.enum) ? 'string' : undefined);
      const told = rules.reduce<Told | null>((found, rule) => found ?? rule(field, type), null);
      const [kind, why] = told ?? [ignore(), `${describeValue(type)} is nothing that a model reads`];
      return { name: name as ColumnName<Row>, kind, holes: 0, distinct: 0, example: '', why: `declared: ${why}` };
    }),
  );
}
