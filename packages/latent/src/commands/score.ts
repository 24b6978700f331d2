import type { AnyRow, PredictOptions, TableModel } from '@latent/tables';
import { type FileTable, recordsOf } from '../files/columns.ts';
import { isLarge, readTable, tablePieces } from '../files/table.ts';
import { EXIT, UsageFault } from '../terminal/fault.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { type Call, COMMON, type Command, INPUT, OUTPUT } from './command.ts';
import { checkInputs, MODEL, readModel, rowsFor } from './model.ts';
import { writeRows } from './output.ts';
import { PREDICT, predictOptions } from './predict.ts';
import { because } from './reasons.ts';

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
    if (large && ('falseDiscoveryRate' in options || 'contamination' in options)) {
      throw new UsageFault(
        'score: --false-discoveries and --contamination are of all rows together, and this file is read piece by piece; give --false-alarms or --threshold',
      );
    }
    const tables = large ? tablePieces(data, terminal, format) : [await readTable(data, terminal, format)];
    const pieces = scored(model, tables, call, options, say);
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

async function* scored(
  model: TableModel,
  tables: Iterable<FileTable> | AsyncIterable<FileTable>,
  call: Call,
  options: PredictOptions,
  say: (text: string) => void,
): AsyncGenerator<ScoredTable> {
  let noted = false;
  for await (const table of tables) {
    const rows = rowsFor(model, table, noted ? () => {} : say);
    noted ||= table.rows > 0;
    const predictions = model.predict(rows, options);
    const odd = predictions.flatMap(({ anomaly }, row) => (anomaly ? [row] : []));
    const reasons = new Map<number, string>();
    if (call.flag('reasons') && odd.length > 0) {
      model.explain(rowsAt(table, odd)).forEach(({ cells }, i) => {
        reasons.set(odd[i] as number, because(cells));
      });
    }
    const written = call.flag('odd') ? odd : predictions.map((_, row) => row);
    const { guarantee } = model.threshold(options, rows);
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
