import { readFileSync } from 'node:fs';
import { Rng } from '@latent/tensor';
import { PARQUET } from '../src/files/parquet.ts';
import { mutatedCopies } from './mutated.ts';
import { latent } from './terminal.ts';

/** A file that somebody hands over, and the command that reads it from its input. */
interface Attacked {
  readonly name: string;
  readonly words: readonly string[];
  readonly bytes: Uint8Array;
}

const HEAD = ['size', 'level', 'weight', 'paid'] as const;

/** Rows in which columns go together, with quotes, holes and letters of other scripts. */
function records(count: number): Record<(typeof HEAD)[number], string | number | null>[] {
  const numbers = new Rng(3).uniform([count * 3]).data;
  return Array.from({ length: count }, (_, i) => {
    const [a = 0, b = 0, c = 0] = numbers.subarray(3 * i, 3 * i + 3);
    const size = Math.round(1000 * a) / 10;
    return {
      size,
      level: a < 0.3 ? 'small' : a < 0.7 ? 'großß, "too"' : '大',
      weight: b < 0.1 ? null : Math.round(300 * size + 500 * c) / 100,
      paid: b < 0.3 ? 'yes' : 'no',
    };
  });
}

const encoded = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Files of rows in every format and of a model, with commands that read them. `place` makes a path for the model. */
export async function attackedFiles(place: (name: string) => string): Promise<readonly Attacked[]> {
  const field = (cell: unknown): string => `"${String(cell ?? '').replaceAll('"', '""')}"`;
  const lines = (between: string, rows: ReturnType<typeof records>): string =>
    [HEAD.join(between), ...rows.map((row) => HEAD.map((name) => field(row[name])).join(between))].join('\n');
  const learned = records(200);
  const model = place('attacked.safetensors');
  const train = ['train', '-', '--input-format', 'json', '-o', model, '--epochs', '2', '-q'];
  const { code, said } = await latent(train, { input: JSON.stringify(learned) });
  if (code !== 0) throw new Error(`the model to be attacked was not made: ${said}`);
  const rows = records(12);
  const score = (format: string): string[] => ['score', model, '-', '--input-format', format, '--false-alarms', '0.1'];
  const parquet = readFileSync(new URL('./rows.parquet', import.meta.url));
  return [
    { name: 'CSV', words: score('csv'), bytes: encoded(lines(',', rows)) },
    { name: 'TSV', words: score('tsv'), bytes: encoded(lines('\t', rows)) },
    { name: 'JSON', words: score('json'), bytes: encoded(JSON.stringify(rows)) },
    { name: 'NDJSON', words: score('ndjson'), bytes: encoded(rows.map((row) => JSON.stringify(row)).join('\n')) },
    { name: 'Parquet', words: ['inspect', '-', '--json'], bytes: new Uint8Array(parquet) },
    { name: 'model', words: ['synthesize', '-', '--n', '2'], bytes: new Uint8Array(readFileSync(model)) },
  ];
}

/** What became of damaged copies: read, refused with a sentence; anything else is told in words. */
export interface Outcomes {
  read: number;
  refused: number;
  readonly wrong: string[];
}

/** Hands `count` damaged copies of a file to its command. */
export async function attack({ name, words, bytes }: Attacked, count: number, seed: number): Promise<Outcomes> {
  const outcomes: Outcomes = { read: 0, refused: 0, wrong: [] };
  // Of those that send their reader round and round there are many.
  const { milliseconds } = PARQUET;
  PARQUET.milliseconds = 2000;
  let i = 0;
  for (const input of mutatedCopies([bytes], count, seed)) {
    const { code, said } = await latent(words, { input });
    // Rows that are read and refused, files that are none, and options of a model that is another now.
    if (code === 0) outcomes.read++;
    else if ((code === 2 || code === 3) && said.length > 10 && !said.includes('fault of the program'))
      outcomes.refused++;
    else outcomes.wrong.push(`${name} ${i} of seed ${seed}: ended with ${code} and said ${said.slice(0, 400)}`);
    i++;
  }
  PARQUET.milliseconds = milliseconds;
  return outcomes;
}
