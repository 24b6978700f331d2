import { ArrayDataset, type Dataset, type FlatRows, stream, type TypedArray } from '@latent/nn';
import { type Shape, sizeOf, ValueError } from '@latent/tensor';
import { type PartsData, shardOfPart } from './part.ts';
import { type DataAccess, type RowsByName, RowsSum, readPart } from './read.ts';

/** What was found in a part when a run began. */
export interface PartRecord {
  readonly rows: number;
  readonly checksum: string;
}

/** All rows in order, as a data set to learn columns' scales from: read anew for each walk, never held as a whole. */
export function streamed(access: DataAccess, data: PartsData): Dataset {
  return stream(
    async function* () {
      for (const part of data.parts) {
        for await (const rows of readPart(access, part, data)) {
          yield Object.fromEntries(Array.from(rows, ([name, { values }]) => [name, values]));
        }
      }
    },
    { spec: data.spec, holes: data.holes },
  );
}

/**
 * The rows of one shard of `shards` in memory, in order. A part whose rows are not those of the record is refused: all shards of
 * all rounds must see the same data.
 */
export async function gatherShard(
  access: DataAccess,
  data: PartsData,
  records: readonly PartRecord[],
  shard: number,
  shards: number,
): Promise<ArrayDataset> {
  const columns = new Map(Object.keys(data.spec).map((name) => [name, [] as TypedArray[]]));
  let first = 0;
  for (const [p, part] of data.parts.entries()) {
    const record = records[p] as PartRecord;
    const owner = shardOfPart(data, p, shards);
    if (owner !== null && owner !== shard) {
      first += record.rows;
      continue;
    }
    const sum = new RowsSum();
    for await (const rows of readPart(access, part, data)) {
      for (const [name, of] of rows) {
        const own = owner === null ? everyKth(of, (shard + shards - (first % shards)) % shards, shards) : of.values;
        if (own.length > 0) columns.get(name)?.push(own);
      }
      first += countOf(rows);
      sum.add(rows);
    }
    checkPart(part.url, sum, record);
  }
  return new ArrayDataset(
    Object.fromEntries(
      Array.from(columns, ([name, pieces]) => [name, joined(pieces, data.spec[name] as Shape)] as const),
    ),
  );
}

/** Throws unless a part is what it was when the run began. */
export function checkPart(url: string, { rows, checksum }: PartRecord, record: PartRecord): void {
  if (rows === record.rows && checksum === record.checksum) return;
  throw new ValueError(
    `data ${url.slice(0, 200)}: it is no longer what it was when the run began: it has ${rows} rows with checksum ${checksum}, expected ${record.rows} with ${record.checksum}`,
  );
}

function countOf(rows: RowsByName): number {
  return [...rows.values()][0]?.count ?? 0;
}

/** Rows start, start + step, … */
function everyKth({ values, count, width }: FlatRows, start: number, step: number): TypedArray {
  if (step === 1) return values;
  const mine = Math.max(0, Math.ceil((count - start) / step));
  const own = new (values.constructor as new (length: number) => TypedArray)(mine * width);
  for (let i = 0; i < mine; i++) {
    const r = start + i * step;
    own.set(values.subarray(r * width, (r + 1) * width), i * width);
  }
  return own;
}

/** Pieces end to end, of their own type if they have one, else in double precision. */
function joined(pieces: readonly TypedArray[], shape: Shape): { readonly rows: FlatRows; readonly shape: Shape } {
  const types = new Set(pieces.map((piece) => piece.constructor));
  const [type] = types;
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const values = types.size === 1 ? new (type as new (length: number) => TypedArray)(length) : new Float64Array(length);
  let at = 0;
  for (const piece of pieces) {
    values.set(piece, at);
    at += piece.length;
  }
  const width = sizeOf(shape);
  return { rows: { values, count: length / width, width }, shape };
}
