import { open, realpath } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Chunk, crc32, type FlatRows, parseRows } from '@latent/nn';
import { describeValue, LatentError, refuseUnknown, UsageError, ValueError } from '@latent/tensor';
import type { RowsFile } from '../model/record-kind.ts';
import { reasonOf } from '../server/server.ts';
import { decodeFile, decodeTensors } from '../store/blob.ts';
import type { CheckedStore } from '../store/store.ts';
import { readerOf } from './format.ts';
import type { Part, PartsData } from './part.ts';

/** Opens rows of a worker's own, at their first; `argument` is what follows `?` in `source:NAME?ARGUMENT`. */
export type PartSource = (argument: string) => AsyncIterable<Chunk> | Iterable<Chunk>;

/** Where a worker may read data. Orders come from elsewhere, so nothing is read that was not allowed here. */
export interface DataAccess {
  readonly store: CheckedStore;
  /** Folders and `http(s)://…` prefixes. */
  readonly data: readonly string[];
  readonly sources: Readonly<Record<string, PartSource>>;
}

/** What to do about a hole. */
const HOLES = 'for rows with holes take a model that knows of them, such as one made with { missing: true }';

/** Blobs of rows that the caller put into the store. */
export const ROWS = 'rows';

/** Some rows of every name, checked. */
export type RowsByName = ReadonlyMap<string, FlatRows>;

/** The rows of a part in order, each name's parsed and checked. */
export async function* readPart(
  access: DataAccess,
  part: Part,
  { spec, holes }: PartsData,
): AsyncGenerator<RowsByName> {
  const caller = `data ${part.url.slice(0, 200)}`;
  let before = 0;
  for await (const chunk of openPart(caller, access, part.url, spec)) {
    const parsed = new Map<string, FlatRows>();
    for (const [name, shape] of Object.entries(spec)) {
      if (typeof chunk !== 'object' || chunk === null || !Object.hasOwn(chunk, name)) {
        throw new ValueError(`${caller}: there are no rows '${name}' after row ${before}, got ${describeValue(chunk)}`);
      }
      parsed.set(
        name,
        parseRows(`${caller}: ${name} after row ${before}`, chunk[name], shape, { holes, empty: true, remedy: HOLES }),
      );
    }
    const counts = new Set([...parsed.values()].map(({ count }) => count));
    if (counts.size > 1) {
      throw new ValueError(`${caller}: the names have different numbers of rows after row ${before}`);
    }
    const [count = 0] = counts;
    before += count;
    if (count > 0) yield parsed;
  }
}

async function* openPart(
  caller: string,
  access: DataAccess,
  url: string,
  spec: PartsData['spec'],
): AsyncGenerator<Chunk> {
  const [, scheme = '', rest = ''] = /^([a-z]+):(.*)$/s.exec(url) ?? [];
  if (scheme === 'source') {
    const [, name = '', argument = ''] = /^([^?]*)\??(.*)$/s.exec(rest) ?? [];
    const source = Object.hasOwn(access.sources, name) ? access.sources[name] : undefined;
    if (source === undefined) refuseUnknown(caller, "source in the worker's module", name, Object.keys(access.sources));
    yield* chunksOf(caller, source, argument);
  } else if (scheme === 'store') {
    yield decodeTensors(ROWS, rest, await access.store.need(rest)).tensors as Chunk;
  } else {
    const read = readerOf(caller, url);
    const bytes = await bytesAt(caller, access, url);
    try {
      yield* read(caller, bytes, spec);
    } catch (error) {
      // Readers of formats know bytes, and not whose.
      if (!(error instanceof LatentError) || error.message.startsWith(caller)) throw error;
      throw new ValueError(`${caller}: ${error.message}`);
    }
  }
}

/** What a source gives; what goes wrong in it is told with its name. */
async function* chunksOf(caller: string, source: PartSource, argument: string): AsyncGenerator<Chunk> {
  try {
    // One that is written as async gives a promise of them.
    const chunks: unknown = await (source(argument) as unknown);
    const sound = typeof chunks === 'object' && chunks !== null;
    if (!sound || !(Symbol.asyncIterator in chunks || Symbol.iterator in chunks)) {
      throw new ValueError(
        `${caller}: a source must give chunks of rows one after the other, as a generator does: yield { x: rows }; got ${describeValue(chunks)}`,
      );
    }
    yield* chunks as AsyncIterable<Chunk>;
  } catch (error) {
    if (error instanceof LatentError) throw error;
    throw Object.assign(new Error(`${caller}: ${reasonOf(error)}`), { cause: error });
  }
}

/** The bytes of a file or URL that may be read. */
async function bytesAt(caller: string, access: DataAccess, url: string): Promise<Uint8Array> {
  const [, scheme = ''] = /^([a-z]+):/.exec(url) ?? [];
  if (scheme === 'http' || scheme === 'https') return download(caller, access, url);
  if (scheme === 'file') return allowedFile(caller, access, fileURLToPath(url));
  if (scheme === '') return allowedFile(caller, access, resolve(url));
  throw new ValueError(`${caller}: data can be of file, http, https, store and source, got '${scheme}'`);
}

/** The file that a part of records is. */
export async function readFilePart(access: DataAccess, { url }: Part): Promise<RowsFile> {
  const key = /^store:(.*)$/s.exec(url)?.[1];
  if (key !== undefined) return decodeFile(key, await access.store.need(key));
  return { name: url, bytes: await bytesAt(`data ${url.slice(0, 200)}`, access, url) };
}

/** The bytes of a file below a folder that may be read; links that lead out of it are refused. */
async function allowedFile(caller: string, { data }: DataAccess, path: string): Promise<Uint8Array> {
  const folders = data.filter((prefix) => !/^https?:/.test(prefix));
  const real = await realpath(path).catch((error: Error) => {
    // What is not allowed is not even said to be there.
    if (!folders.some((folder) => isBelow(path, resolve(folder)))) return path;
    throw new UsageError(`${caller}: cannot be read: ${error.message}`);
  });
  const roots = await Promise.all(folders.map(async (folder) => realpath(folder).catch(() => resolve(folder))));
  if (!roots.some((root) => isBelow(real, root))) {
    throw new UsageError(
      `${caller}: this worker may read ${folders.length > 0 ? `below ${folders.join(', ')} alone` : 'no files'}; start it with data: [folder] (latent-worker --data)`,
    );
  }
  const file = await open(real, 'r');
  try {
    return await file.readFile();
  } catch (error) {
    throw new Error(`${caller}: cannot be read: ${(error as Error).message}`);
  } finally {
    await file.close();
  }
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

async function download(caller: string, { data }: DataAccess, url: string): Promise<Uint8Array> {
  // As the network will read it, without `..` and the like; a prefix that is no whole host would allow others.
  const { href } = new URL(url);
  const allowed = data
    .filter((prefix) => /^https?:\/\//.test(prefix))
    .map((prefix) => new URL(prefix.endsWith('/') ? prefix : `${prefix}/`).href);
  if (!allowed.some((prefix) => href.startsWith(prefix))) {
    throw new UsageError(
      `${caller}: this worker may read ${allowed.length > 0 ? `from ${allowed.join(', ')} alone` : 'no URLs'}; start it with data: [url] (latent-worker --data)`,
    );
  }
  const response = await fetch(href, { redirect: 'error' });
  if (!response.ok) throw new Error(`${caller}: the server says ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Counts rows and sums their bytes, name by name, so that it does not matter how a source cuts its chunks. */
export class RowsSum {
  rows = 0;
  readonly #sums = new Map<string, number>();

  add(rows: RowsByName): void {
    for (const [name, { values }] of rows) {
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      this.#sums.set(name, crc32(bytes, this.#sums.get(name) ?? 0));
    }
    this.rows += [...rows.values()][0]?.count ?? 0;
  }

  get checksum(): string {
    return Array.from(this.#sums, ([name, sum]) => `${name}:${sum.toString(16).padStart(8, '0')}`).join(' ');
  }
}
