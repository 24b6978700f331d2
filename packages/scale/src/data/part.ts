import { type BatchSpec, specCheck } from '@latent/nn';
import { type Check, fields, flag, list, oneOf, optional, refuse, text, whole } from '@latent/tensor';

/** Some rows of a data set, where workers find them. */
export interface Part {
  /**
   * `source:NAME` or `source:NAME?ARGUMENT` (a source of the worker's own module), `store:KEY` (a blob of the run's store), a
   * path or `file://` URL below a folder that workers may read, or an `http(s)://` URL that they may read. Files end in
   * `.npy`, `.csv` or `.safetensors`.
   */
  readonly url: string;
  /** How many, where they are known: a part with another number of rows is refused. */
  readonly rows?: number;
}

/** Rows in parts: which, and what one row is. */
export interface PartsData {
  readonly parts: readonly Part[];
  /** The shape of a row of each name. A file with one table has the names' columns side by side, in this order. */
  readonly spec: BatchSpec;
  /** Whether values may be missing; false by default. */
  readonly holes: boolean;
  /**
   * Which rows a shard gets: row i of all goes to shard i mod K (`rows`), or part p to shard p mod K (`parts`), so that each
   * part is read by one shard alone; or for each part its shard.
   */
  readonly assign: 'rows' | 'parts' | readonly number[];
  /** Whether rows are records, which their kind of models reads; they have no spec. */
  readonly records: boolean;
}

const MOST_PARTS = 100_000;
const LONGEST_URL = 2048;

const urlCheck: Check<string> = (value, at) => {
  const url = text()(value, at);
  return url.length > 0 && url.length <= LONGEST_URL ? url : refuse(at, `a URL of 1 to ${LONGEST_URL} letters`, value);
};

const assignCheck: Check<PartsData['assign']> = (value, at) =>
  Array.isArray(value) ? list(whole({ min: 0 }))(value, at) : oneOf('rows', 'parts')(value, at);

/** A check for a list of parts. */
export const partsCheck = /* @__PURE__ */ list(
  /* @__PURE__ */ fields({ url: urlCheck, rows: optional(whole({ min: 0 })) }) as Check<Part>,
  { min: 1, max: MOST_PARTS },
);

const plainFields = /* @__PURE__ */ fields({
  parts: partsCheck,
  spec: specCheck,
  holes: optional(flag(), false),
  assign: optional(assignCheck, 'rows' as const),
  records: optional(flag(), false),
});

/** A check for rows in parts, as they stand in an order. */
export const partsDataCheck: Check<PartsData> = (value, at) => {
  const data = plainFields(value, at);
  if (!data.records && Object.keys(data.spec).length === 0)
    return refuse(at, 'rows with at least one name in spec', value);
  const { assign, parts } = data;
  if (Array.isArray(assign) && assign.length !== parts.length) {
    return refuse({ ...at, path: `${at.path}.assign` }, `a shard for each of the ${parts.length} parts`, assign);
  }
  return data;
};

/** Which shard of `shards` the rows of a part belong to; null where each row has its own. */
export function shardOfPart({ assign }: PartsData, part: number, shards: number): number | null {
  if (assign === 'rows') return null;
  return assign === 'parts' ? part % shards : (assign[part] as number);
}
