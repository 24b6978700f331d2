// The tables that figures are measured on; where they come from and on what terms stands beside each.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

export type Row = Record<string, string | number | null>;

const root = fileURLToPath(new URL('../data/', import.meta.url));

function textOf(path: string): string {
  const bytes = readFileSync(root + path);
  return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
}

/** The cells of a line of CSV. */
function cellsOf(line: string): string[] {
  const cells: string[] = [];
  let [cell, quoted] = ['', false];
  for (const letter of line) {
    if (letter === '"') quoted = !quoted;
    else if (letter === ',' && !quoted) {
      cells.push(cell);
      cell = '';
    } else cell += letter;
  }
  return [...cells, cell];
}

/** A CSV file's records, cells as text. */
export function csv(path: string): Row[] {
  const [head = '', ...lines] = textOf(path).trim().split(/\r?\n/);
  const names = cellsOf(head);
  return lines.map((line) => {
    const cells = cellsOf(line);
    return Object.fromEntries(names.map((name, i) => [name, cells[i] ?? '']));
  });
}

const vega = (name: string): Row[] =>
  JSON.parse(
    readFileSync(new URL(`../../node_modules/vega-datasets/data/${name}.json`, import.meta.url), 'utf8'),
  ) as Row[];

/** All tables by name. */
export const tables = {
  adult: () => csv('adult/adult.csv.gz'),
  'nsl-kdd': () => csv('nsl-kdd/train-20-percent.csv.gz'),
  'default-credit': () => csv('default-credit/default-credit.csv.gz'),
  titanic: () => csv('titanic/titanic.csv'),
  penguins: () => vega('penguins'),
  movies: () => vega('movies'),
};

/** The normal connections and the attacks, without what tells them apart. */
export function nslKdd(): { readonly normal: Row[]; readonly attacks: Row[] } {
  const normal: Row[] = [];
  const attacks: Row[] = [];
  for (const { attack, difficulty: _, ...row } of tables['nsl-kdd']())
    (attack === 'normal' ? normal : attacks).push(row);
  return { normal, attacks };
}

/** A machine's metrics, its anomalies and the columns that are guilty of each. */
export function serverMachine(): {
  readonly train: Row[];
  readonly test: Row[];
  readonly causes: readonly { readonly from: number; readonly to: number; readonly columns: readonly string[] }[];
} {
  const causes = textOf('server-machine/machine-1-6.causes.txt')
    .trim()
    .split(/\r?\n/)
    .map((line) => {
      const [span = '', columns = ''] = line.split(':');
      const [from, to] = span.split('-').map(Number) as [number, number];
      return { from, to, columns: columns.split(',').map((d) => `d${d.trim()}`) };
    });
  const test = csv('server-machine/machine-1-6.test.csv.gz').map(({ anomaly: _, ...row }) => row as Row);
  return { train: csv('server-machine/machine-1-6.train.csv.gz'), test, causes };
}

export const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;

/** Whether the arguments ask for a quick run, and the seeds to run with. */
export const quick = process.argv.includes('--quick');
export const seeds = quick ? [1] : [1, 2, 3];
