import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { DataFault } from '../terminal/fault.ts';
import { type FileTable, tableOfRecords } from './columns.ts';

/**
 * What reads: a program of its own, since an altered file can send the reader round and round, or ask it for more memory than there
 * is. Here it can be ended.
 */
const READER = `
const { parentPort, workerData } = require('node:worker_threads');
(async () => {
  const { parquetReadObjects } = await import(workerData.reader);
  const { compressors } = await import(workerData.compressors);
  const { buffer } = workerData.bytes;
  const file = { byteLength: buffer.byteLength, slice: (from, to) => buffer.slice(from, to) };
  return { records: await parquetReadObjects({ file, compressors }) };
})().catch((error) => ({ error: String(error && error.message) })).then((answer) => {
  try { parentPort.postMessage(answer); } catch (error) { parentPort.postMessage({ error: String(error.message) }); }
});
`;

/** Memory of the reader: far more than files of the size that is read at all. */
const MOST_MEGABYTES = 4096;
/** How long it may take. */
export const PARQUET = { milliseconds: 120_000 };

/** A Parquet file: its rows with what cells are, whole numbers past 2⁵³ as text. */
export async function readParquet(file: string, bytes: Uint8Array, longest = PARQUET.milliseconds): Promise<FileTable> {
  const answer = await asked(bytes.slice(), longest);
  if (!('records' in answer)) {
    throw new DataFault(`${file} cannot be read as Parquet: ${answer.error.slice(0, 160)}`);
  }
  return tableOfRecords(
    file,
    answer.records.map((record) =>
      Object.fromEntries(Object.entries(record).map(([name, cell]) => [name, cellOf(cell)])),
    ),
  );
}

type Answer = { readonly records: readonly Record<string, unknown>[] } | { readonly error: string };

function asked(bytes: Uint8Array<ArrayBuffer>, longest: number): Promise<Answer> {
  const { resolve: find } = createRequire(import.meta.url);
  const at = (name: string): string => pathToFileURL(find(name)).href;
  return new Promise((resolve) => {
    const worker = new Worker(READER, {
      eval: true,
      workerData: { bytes, reader: at('hyparquet'), compressors: at('hyparquet-compressors') },
      transferList: [bytes.buffer],
      resourceLimits: { maxOldGenerationSizeMb: MOST_MEGABYTES },
      execArgv: [],
    });
    const end = (answer: Answer): void => {
      clearTimeout(timer);
      void worker.terminate();
      resolve(answer);
    };
    const timer = setTimeout(
      () => end({ error: `it takes more than ${longest / 1000} s; the file is altered` }),
      longest,
    );
    worker.once('message', end);
    worker.once('error', (error) => end({ error: error.message }));
    worker.once('exit', () => end({ error: 'the reader ended; the file is altered' }));
  });
}

function cellOf(cell: unknown): unknown {
  if (typeof cell === 'bigint') return Number.isSafeInteger(Number(cell)) ? Number(cell) : String(cell);
  if (cell instanceof Uint8Array) return Buffer.from(cell).toString('hex');
  return cell;
}
