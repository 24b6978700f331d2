import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { DataFault } from '../terminal/fault.ts';
import { type FileTable, tableOfRecords } from './columns.ts';

/** A Parquet file: its rows with what cells are, whole numbers past 2⁵³ as text. */
export async function readParquet(file: string, bytes: Uint8Array): Promise<FileTable> {
  // A copy of its own: the reader takes whole buffers.
  const { buffer } = bytes.slice();
  let records: Record<string, unknown>[];
  try {
    records = (await parquetReadObjects({
      file: { byteLength: buffer.byteLength, slice: (from, to) => buffer.slice(from, to) },
      compressors,
    })) as Record<string, unknown>[];
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 160) : 'it is altered';
    throw new DataFault(`${file} cannot be read as Parquet: ${reason}`);
  }
  return tableOfRecords(
    file,
    records.map((record) => Object.fromEntries(Object.entries(record).map(([name, cell]) => [name, cellOf(cell)]))),
  );
}

function cellOf(cell: unknown): unknown {
  if (typeof cell === 'bigint') return Number.isSafeInteger(Number(cell)) ? Number(cell) : String(cell);
  if (cell instanceof Uint8Array) return Buffer.from(cell).toString('hex');
  return cell;
}
