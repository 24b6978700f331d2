import type { AnyRow, PredictOptions, TableModel } from '@latent/tables';
import { type FileTable, recordsOf, tableSlice } from '../files/columns.ts';
import { recordsFile, tableKind } from '../files/records.ts';
import { isLarge, readTable, tablePieces } from '../files/table.ts';
import { DataFault, EXIT, UsageFault } from '../terminal/fault.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { type Call, COMMON, type Command, INPUT, OUTPUT, scaleOut } from './command.ts';
import { checkInputs, MODEL, readModel, rowsFor } from './model.ts';
import { writeRows } from './output.ts';
import { PREDICT, predictOptions } from './predict.ts';
import { because } from './reasons.ts';
import { BY_WORKERS, workersPlace } from './training.ts';

/** Names of the columns that are added, clear of those of the rows. */
export function addedNames(names: readonly string[], added: readonly string[]): string[] {
  return added.map((name) => {
    let own = name;
    while (names.includes(own)) own = `latent_${own}`;
    return own;
  });
}

/** Rows of a table by their places, as records. */
export function rowsAt(table: FileTable, places: readonly number[]): AnyRow[] {
  return places.map((place) => recordsOf(table, place, place + 1)[0] as AnyRow);
}

export const score: Command = {
  summary: 'Rows with their score, p-value, whether they are odd, and why',
  args: {
    ...MODEL,
    data: { type: 'positional', required: true, description: 'A file of rows, or -' },
    ...PREDICT,
    reasons: { type: 'boolean', default: true, negativeDescription: 'Do not say why; faster', description: 'Say why' },
    odd: { type: 'boolean', description: 'Write the odd rows alone' },
    ...BY_WORKERS,
    'fail-on': { type: 'string', valueHint: 'anomaly', description: 'End with 4 where a row is odd' },
    ...OUTPUT,
    ...INPUT,
    ...COMMON,
  },
  async run(call: Call, terminal: Terminal) {
    const [path, data] = [call.needed('model'), call.needed('data')];
    checkInputs(path, data);
    const failOn = call.choice('fail-on', ['anomaly']);
    const options = predictOptions(call);
    const quiet = call.flag('quiet');
    const say = (text: string): void => {
      if (!quiet) terminal.say(`! ${text}`);
    };
    const model = await readModel(path, terminal);
    const format = call.text('input-format');
    const large = await isLarge(data, format, LARGE_FILE.bytes);
    const connection = call.text('workers');
    if (connection === undefined && call.text('store') !== undefined)
      throw new UsageFault('score: --store is for --workers');
    if ((large || connection !== undefined) && ('falseDiscoveryRate' in options || 'contamination' in options)) {
      throw new UsageFault(
        'score: --false-discoveries and --contamination are of all rows together, and these are scored piece by piece; give --false-alarms or --threshold',
      );
    }
    const table = large ? null : await readTable(data, terminal, format);
    const tables = () => (table === null ? tablePieces(data, terminal, format) : cut(table));
    const by =
      connection === undefined || table?.rows === 0
        ? null
        : await scoredByWorkers(model, tables(), workersPlace(call, connection));
    const pieces = scored(model, by === null && table !== null ? [table] : tables(), by, call, options, say);
    const first = await pieces.next();
    const { names } = first.value as ScoredTable;
    const total = { rows: 0, odd: 0 };
    let guarantee = '';
    const lines = async function* (): AsyncGenerator<readonly unknown[]> {
      for (let next = first; !next.done; next = await pieces.next()) {
        const piece = next.value;
        total.rows += piece.rows;
        total.odd += piece.odd;
        guarantee = piece.guarantee;
        yield* piece.lines();
      }
    };
    await writeRows(call, terminal, [...names, ...addedNames(names, ADDED)], lines());
    if (!quiet) terminal.say(`${total.odd} of ${total.rows} rows are odd; ${guarantee}`);
    return failOn !== undefined && total.odd > 0 ? EXIT.found : EXIT.fine;
  },
};

const ADDED = ['score', 'p', 'anomaly', 'because'];

/** From how many bytes on a file is read piece by piece. */
export const LARGE_FILE = { bytes: 64_000_000 };

/** Rows with what was found of them, ready to be written. */
interface ScoredTable {
  readonly names: readonly string[];
  readonly rows: number;
  readonly odd: number;
  readonly guarantee: string;
  lines(): Iterable<readonly unknown[]>;
}

/** Rows that workers score in one job. */
const ROWS_OF_A_JOB = 20_000;

function* cut(table: FileTable): Generator<FileTable> {
  yield tableSlice(table, 0, ROWS_OF_A_JOB);
  for (let from = ROWS_OF_A_JOB; from < table.rows; from += ROWS_OF_A_JOB)
    yield tableSlice(table, from, from + ROWS_OF_A_JOB);
}

/** The scores of tables, one after the other, by the workers that listen; the rows go through the store. */
async function scoredByWorkers(
  model: TableModel,
  tables: Iterable<FileTable> | AsyncIterable<FileTable>,
  place: { readonly connection: string; readonly store: string },
): Promise<Float64Array[]> {
  const { distributedScore, registerRecordKind, RunError } = await scaleOut();
  registerRecordKind(tableKind);
  const files = async function* () {
    for await (const table of tables) if (table.rows > 0) yield await recordsFile(table);
  };
  const scores: Float64Array[] = [];
  try {
    await distributedScore(model, {
      ...place,
      parts: files(),
      out: ({ scores: { score: found } }) => void scores.push(found?.data as Float64Array),
    });
  } catch (error) {
    if (error instanceof RunError) throw new DataFault(error.message);
    throw error;
  }
  return scores;
}

async function* scored(
  model: TableModel,
  tables: Iterable<FileTable> | AsyncIterable<FileTable>,
  by: readonly Float64Array[] | null,
  call: Call,
  options: PredictOptions,
  say: (text: string) => void,
): AsyncGenerator<ScoredTable> {
  let noted = false;
  let piece = 0;
  for await (const table of tables) {
    const rows = rowsFor(model, table, noted ? () => {} : say);
    noted ||= table.rows > 0;
    const known = table.rows > 0 ? by?.[piece++] : undefined;
    const predictions = known === undefined ? model.predict(rows, options) : model.judge(known, options);
    const odd = predictions.flatMap(({ anomaly }, row) => (anomaly ? [row] : []));
    const reasons = new Map<number, string>();
    if (call.flag('reasons') && odd.length > 0) {
      model.explain(rowsAt(table, odd)).forEach(({ cells }, i) => {
        reasons.set(odd[i] as number, because(cells));
      });
    }
    const written = call.flag('odd') ? odd : predictions.map((_, row) => row);
    const { guarantee } = model.threshold(options, known === undefined ? rows : undefined);
    yield {
      ...{ names: table.names, rows: table.rows, odd: odd.length, guarantee },
      *lines() {
        for (const row of written) {
          const { score: nats, pValue, anomaly } = predictions[row] as (typeof predictions)[number];
          const cells = table.names.map((name) => table.columns[name]?.[row]);
          yield [
            ...cells,
            ...[Number(nats.toPrecision(6)), Number(pValue.toPrecision(4)), anomaly],
            reasons.get(row) ?? null,
          ];
        }
      },
    };
  }
}
