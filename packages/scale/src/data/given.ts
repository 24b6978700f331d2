import { createHash } from 'node:crypto';
import { type BatchSpec, type Dataset, type FlatRows, parseRows, type Rows } from '@latent/nn';
import { describeValue, isPlainObject, Tensor, tensor, ValueError } from '@latent/tensor';
import type { RowsFile } from '../model/record-kind.ts';
import { encodeFile, encodeTensors } from '../store/blob.ts';
import type { CheckedStore } from '../store/store.ts';
import { type Part, type PartsData, partsDataCheck } from './part.ts';
import { ROWS } from './read.ts';

/** What parts are made of, where it need not be what the model takes. */
export interface PartsOptions {
  readonly parts: readonly Part[];
  /** The shape of a row of each name; the model's x by default. */
  readonly spec?: BatchSpec;
  readonly holes?: boolean;
  readonly assign?: PartsData['assign'];
}

/** Rows as they are given: parts that workers read, or rows in memory, which are put into the store. */
export type DataLike = Rows | Dataset | readonly Part[] | PartsOptions;

/** What a model says of its rows. */
export interface RowsOf {
  /** The shape of a row of each name; null where the model does not know it. */
  readonly spec: BatchSpec | null;
  readonly holes: boolean;
  /** Whether x may come without the others. */
  readonly alone: boolean;
  flatRows?(caller: string, rows: Rows): FlatRows;
}

/** Numbers in a blob of rows, at most. */
const MOST = 4 << 20;

/** Data as an order holds it. Rows in memory go into the store as blobs named by what they hold. */
export async function partsOf(caller: string, data: unknown, of: RowsOf, store: CheckedStore): Promise<PartsData> {
  const options = isPartList(data) ? { parts: data } : data;
  if (isPlainObject(options) && 'parts' in options) {
    const spec = options.spec ?? of.spec;
    if (spec === null) throw new ValueError(`${caller}: say what a row is: { parts, spec: { x: [784] } }`);
    return partsDataCheck({ holes: of.holes, ...options, spec }, { caller, path: 'data' });
  }
  const list = Array.isArray(data) ? data : [data];
  if (typeof data === 'string' || (list.length > 0 && list.every(isPlainObject))) {
    throw new ValueError(
      `${caller}: rows that workers read are a list of parts, [{ url: '/rows/a.npy' }], got ${describeValue(data)}`,
    );
  }
  const { columns, spec, holes } = isDataset(data) ? await ofDataset(caller, data) : ofRows(caller, data, of);
  return { parts: await putRows(columns, spec, store), spec, holes, assign: 'rows', records: false };
}

/** Files of records as an order holds them: parts that workers read, or files in memory, each put into the store as a part. */
export async function filesOf(caller: string, data: unknown, store: CheckedStore): Promise<PartsData> {
  const at = { caller, path: 'data' };
  if (isPartList(data)) return partsDataCheck({ parts: data, spec: {}, records: true }, at);
  const expected = 'parts, or files { name, bytes }';
  if (typeof data !== 'object' || data === null || !(Symbol.iterator in data || Symbol.asyncIterator in data)) {
    throw new ValueError(`${caller}: the rows must be ${expected}, got ${describeValue(data)}`);
  }
  const parts: Part[] = [];
  for await (const file of data as AsyncIterable<unknown>) {
    const { name, bytes } = (isPlainObject(file) ? file : {}) as Partial<RowsFile>;
    if (typeof name !== 'string' || !(bytes instanceof Uint8Array)) {
      throw new ValueError(`${caller}: the rows must be ${expected}, got ${describeValue(file)}`);
    }
    const blob = encodeFile(name, bytes);
    const key = `rows/${createHash('sha256').update(blob).digest('hex').slice(0, 40)}`;
    await store.putOnce(key, blob);
    parts.push({ url: `store:${key}` });
  }
  return partsDataCheck({ parts, spec: {}, records: true }, at);
}

type Columns = Readonly<Record<string, FlatRows>>;

function ofRows(caller: string, data: unknown, { spec, alone, flatRows }: RowsOf) {
  const shape = spec?.x;
  const beside = Object.keys(spec ?? {}).filter((name) => name !== 'x');
  if (shape === undefined || (beside.length > 0 && !alone)) {
    const names = shape === undefined ? ['…'] : beside.map((name) => `${name}: …`);
    throw new ValueError(
      `${caller}: give a data set, dataset({ x: rows, ${names.join(', ')} }), or parts, got ${describeValue(data)}`,
    );
  }
  const x = flatRows?.(caller, data as Rows) ?? parseRows(caller, data, shape, { holes: true });
  return { columns: { x }, spec: { x: shape }, holes: x.values.some(Number.isNaN) };
}

async function ofDataset(caller: string, data: Dataset) {
  if (data.scan === undefined || data.length === null) {
    throw new ValueError(
      `${caller}: a data set that is not in memory cannot be sent to workers; give parts that they read themselves`,
    );
  }
  const columns: Record<string, FlatRows> = {};
  for (const name of Object.keys(data.spec)) {
    for await (const rows of data.scan(name)) {
      if (columns[name] !== undefined) throw new ValueError(`${caller}: give rows in memory, dataset(…), or parts`);
      columns[name] = rows;
    }
  }
  const holes = Object.values(columns).some(({ values }) => values.some(Number.isNaN));
  return { columns, spec: data.spec, holes };
}

/** Rows in blobs of some megabytes; those that are there already are not written again. */
async function putRows(columns: Columns, spec: BatchSpec, store: CheckedStore): Promise<readonly Part[]> {
  const all = Object.entries(columns);
  const count = all[0]?.[1].count ?? 0;
  const width = all.reduce((sum, [, rows]) => sum + rows.width, 0);
  const step = Math.max(1, Math.floor(MOST / width));
  const parts: Part[] = [];
  for (let start = 0; start < count; start += step) {
    const rows = Math.min(step, count - start);
    const tensors = all.map(([name, { values, width: own }]) => {
      const piece = values.subarray(start * own, (start + rows) * own);
      // Whole numbers of up to 16 bits are exact in single precision; what may need double stays in it.
      const single = piece instanceof Float32Array || piece.BYTES_PER_ELEMENT <= 2;
      const numbers = single ? Float32Array.from(piece) : Float64Array.from(piece);
      return [name, tensor(numbers, { shape: [rows, ...(spec[name] ?? [])] })] as const;
    });
    const bytes = encodeTensors(ROWS, Object.fromEntries(tensors));
    const key = `rows/${createHash('sha256').update(bytes).digest('hex').slice(0, 40)}`;
    await store.putOnce(key, bytes);
    parts.push({ url: `store:${key}`, rows });
  }
  return parts;
}

function isPartList(value: unknown): value is readonly Part[] {
  return Array.isArray(value) && value.length > 0 && value.every((part) => isPlainObject(part) && 'url' in part);
}

function isDataset(value: unknown): value is Dataset {
  return (
    typeof value === 'object' && value !== null && !(value instanceof Tensor) && 'spec' in value && 'pass' in value
  );
}
