import { noGrad } from '@latent/autograd';
import { scoring } from '@latent/nn';
import { AnomalyDetector, column, Embedder, Schema, TableModel } from '@latent/tables';
import { type ExportTableOptions, type OnnxColumn, onnxTable } from '@latent/tables/onnx';
import { Rng, type Tensor, tensor } from '@latent/tensor';
import { boundScore, contributionsScore, type RowInputs, rowsProgram, type Score } from '@latent/vae';
import { readRows } from '../../tables/src/encode/row-code.ts';
import { levelKey } from '../../tables/src/input/cell.ts';
import { tableOf } from '../../tables/src/input/source.ts';
import { knownKinds } from '../../tables/src/kinds/standard.ts';
import { stateOf, type TableState } from '../../tables/src/model/state.ts';
import type { OnnxModel } from '../src/proto/schema.ts';
import { type Case, type CaseInput, type Expected, SCORE } from './cases.ts';
import { wanted } from './vae-cases.ts';

type Row = Record<string, unknown>;

const DAY = 86_400_000;

/** A table with every kind of column, holes in all of them, and names of all sorts. */
const KINDS = {
  height: column.numeric(),
  'income / year': column.positive(),
  visits: column.count(),
  price: column.mixed({ atoms: [0, 9.9] }),
  active: column.boolean(),
  plan: column.category(),
  size: column.ordinal(['s', 'm', 'l', 'xl']),
  joined: column.date({ format: 'YYYY-MM-DD' }),
  seen: column.date(),
  clicked: column.date({ epoch: 'seconds' }),
  wakes: column.time({ format: 'hh:mm' }),
  score: column.numeric(),
  '': column.category(),
  always: column.constant(),
  note: column.text(),
} as const;

function rowsOf(count: number, seed: number, holes = 0.08): Row[] {
  const rng = new Rng(seed);
  const normal = rng.normal([count, 4]).data;
  const uniform = rng.uniform([count, 32]).data;
  return Array.from({ length: count }, (_, i): Row => {
    const n = (k: number): number => normal[4 * i + k] as number;
    const u = (k: number): number => uniform[32 * i + k] as number;
    const plan = ['free', 'basic', 'gold'][u(0) < 0.5 ? 0 : u(0) < 0.85 ? 1 : 2] as string;
    const day = Math.floor(1400 * u(1));
    const row: Row = {
      height: Math.round(1700 + 100 * n(0)) / 10,
      'income / year': Math.exp(10 + n(1)),
      visits: Math.floor(20 * u(2) ** 2),
      price: plan === 'free' ? 0 : u(3) < 0.2 ? 9.9 : 10 + n(2),
      active: u(4) < 0.6,
      plan: u(5) < 0.01 ? `rare ${i}` : plan,
      size: ['s', 'm', 'l', 'xl'][Math.floor(4 * u(6))],
      joined: new Date(Date.UTC(2020, 0, 1) + day * DAY).toISOString().slice(0, 10),
      seen: new Date(Date.UTC(2021, 0, 1) + Math.floor(u(7) * 900 * DAY)),
      clicked: Math.floor(1.6e9 + u(8) * 1e8),
      wakes: `0${Math.floor(4 + 5 * u(9))}:${Math.floor(10 + 49 * u(10))}`,
      score: 3 * n(3) + n(0),
      '': String(1 + Math.floor(5 * u(11))),
      always: 'yes',
      note: `words ${i}`,
    };
    Object.keys(row).forEach((name, k) => {
      if (u(12 + k) < holes) row[name] = null;
    });
    return row;
  });
}

/** Rows as the file takes them, by what its metadata say of the columns. */
function inputsOf(model: OnnxModel, rows: readonly Row[]): Record<string, CaseInput> {
  const told = model.metadataProps?.find(({ key }) => key === 'columns')?.value as string;
  const dims = [rows.length];
  return Object.fromEntries(
    (JSON.parse(told) as OnnxColumn[]).map((each): [string, CaseInput] => {
      const cells = rows.map((row) => row[each.name]);
      if (each.type === 'string') {
        return [
          each.input,
          { type: 'string', dims, data: [], texts: cells.map((cell) => (cell === null ? '' : levelKey(cell))) },
        ];
      }
      if (each.type === 'int64') {
        const keys = (each.levels ?? []).map(levelKey);
        const codeOf = (cell: unknown): number => (keys.indexOf(levelKey(cell)) + keys.length + 1) % (keys.length + 1);
        return [each.input, { type: 'int64', dims, data: cells.map((cell) => (cell === null ? -1 : codeOf(cell))) }];
      }
      const data = cells.map((cell) => (cell === null ? Number.NaN : numberOf(each, cell)));
      const single = each.type === 'float32';
      return [each.input, { type: single ? 'float' : 'double', dims, data: single ? data.map(Math.fround) : data }];
    }),
  );
}

function numberOf({ kind, unit }: OnnxColumn, cell: unknown): number {
  if (typeof cell === 'number') return cell;
  if (cell instanceof Date) return cell.getTime();
  if (kind === 'time') {
    const [hours, minutes] = String(cell).split(':').map(Number) as [number, number];
    return (60 * hours + minutes) * 60_000;
  }
  if (unit !== 'milliseconds since 1970 UTC') throw new Error(`a number of ${kind} in ${unit}`);
  return Date.parse(String(cell));
}

/** The noise of each row's own that a model of a table scores with: [samples, rows, latent]. */
function noiseOf({ members, recipe, seed, code }: TableState, coded: Float32Array, count = recipe.draws): Tensor {
  const latent = recipe.latentSize;
  const draws = rowsProgram(({ draws: own }, samples) => ({ eps: own.normal(samples, latent).transpose([1, 0, 2]) }));
  const values = coded.slice();
  const near = members[0]?.seenRange?.drawIn(values, 'scores') ?? null;
  const { eps } = draws({ values, near, count: values.length / code.width }, [code.width], {
    seed,
    samples: count,
  });
  return eps.transpose([1, 0, 2]);
}

/** A score of coded rows by its definition, the mean over the members: with this noise, or at the means. */
function scoreOfRows<K extends string>(
  { members, code }: TableState,
  score: Score<K>,
  coded: Float32Array,
): Record<K, number[]> {
  const count = coded.length / code.width;
  const total = {} as Record<K, number[]>;
  for (const member of members) {
    const values = coded.slice();
    const near = member.seenRange?.drawIn(values, 'scores') ?? values;
    const [x, seen] = [values, near].map((of) => tensor(of, { shape: [count, code.width] })) as [Tensor, Tensor];
    const normal = (samples: number, width: number): Tensor =>
      tensor(new Float32Array(samples * count * width), { shape: [samples, count, width] });
    const rows: RowInputs = { x, near: seen, draws: { normal } };
    const made = noGrad(() => scoring(() => score.compute(member.given({ x }), rows, 1)));
    for (const name in made) {
      const own = made[name].data;
      total[name] = Array.from(own, (value, i) => (total[name]?.[i] ?? 0) + value / members.length);
    }
  }
  return total;
}

function numbers(data: readonly number[], dims: readonly number[] = [data.length]): Expected {
  return { dims, data, ...SCORE };
}

/** What holes are filled with, as the file gives it: numbers, and codes of levels. */
function filledCase(name: string, model: TableModel<Row>, rows: readonly Row[]): Case {
  const state = stateOf(model) as TableState;
  const file = onnxTable(model, { graph: 'imputer', noise: 'input' });
  const coded = state.code.encode(readRows('test', state.code.schema, tableOf('test', rows as never)));
  const eps = noiseOf(state, coded, 64);
  const whole = inputsOf(file, model.impute(rows as never).rows as unknown as Row[]);
  const expected = Object.entries(whole).map(([input, { dims, data }]): [string, Expected] => {
    const column = JSON.parse(
      file.metadataProps?.find(({ key }) => key === 'columns')?.value as string,
    ) as OnnxColumn[];
    const { name: own } = column.find((each) => each.input === input) as OnnxColumn;
    return [`filled.${own}`, { dims, data, absolute: 1e-5, relative: 1e-5 }];
  });
  return {
    name: `${name}: imputer`,
    model: file,
    inputs: { ...inputsOf(file, rows), eps: { type: 'float', dims: eps.shape, data: Array.from(eps.data) } },
    expected: Object.fromEntries(expected),
  };
}

/** All graphs of a model of a table. */
function casesOf(name: string, model: TableModel<Row>, rows: readonly Row[]): Case[] {
  const state = stateOf(model) as TableState;
  const { code } = state;
  const read = readRows('test', code.schema, tableOf('test', rows as never));
  const coded = code.encode(read);
  const eps = noiseOf(state, coded);
  const given: CaseInput = { type: 'float', dims: eps.shape, data: Array.from(eps.data) };
  const far = Array.from(state.neighbours?.scores(read) ?? rows.map(() => 0), (each) => each * state.neighbourScale);
  const atMean = scoreOfRows(state, boundScore, coded).elbo.map((bound, r) => (far[r] as number) - bound);
  const parts = scoreOfRows(state, contributionsScore, coded);
  const columns = rows.map(() => code.columns.map(() => 0));
  parts.columns.forEach((nats, i) => {
    const row = columns[Math.floor(i / code.width)] as number[];
    const own = code.owner[i % code.width] as number;
    row[own] = (row[own] as number) + nats;
  });
  const drawn = model.score(rows as never);
  const predicted = model.predict(rows as never, { falseAlarmRate: 0.2 });
  const build = (title: string, options: ExportTableOptions, expected: Case['expected'], noise = false): Case => {
    const file = onnxTable(model, options);
    return {
      name: `${name}: ${title}`,
      model: file,
      inputs: { ...inputsOf(file, rows), ...(noise && { eps: given }) },
      expected,
    };
  };
  const flags = (data: readonly boolean[]): Expected => ({
    dims: [data.length],
    data: data.map(Number),
    absolute: 0,
    relative: 0,
  });
  return [
    filledCase(name, model, rows.slice(-5)),
    build('score at the mean', {}, { score: numbers(atMean) }),
    build('score of numbers in single precision', { rows: 'float32' }, { score: numbers(atMean) }),
    build(
      'score of the row’s own draws',
      { noise: 'input', categories: 'text' },
      { score: numbers(Array.from(drawn)), pValue: numbers(predicted.map(({ pValue }) => pValue)) },
      true,
    ),
    build(
      'detector of draws',
      { graph: 'detector', noise: 'input', falseAlarmRate: 0.2 },
      { score: numbers(Array.from(drawn)), anomaly: flags(predicted.map(({ anomaly }) => anomaly)) },
      true,
    ),
    build(
      'detector at the mean',
      { graph: 'detector', threshold: (atMean.toSorted((a, b) => a - b)[rows.length >> 1] as number) - 1e-3 },
      {
        score: numbers(atMean),
        anomaly: flags(
          atMean.map((nats) => nats >= (atMean.toSorted((a, b) => a - b)[rows.length >> 1] as number) - 1e-3),
        ),
      },
    ),
    build(
      'contributions',
      { graph: 'contributions' },
      {
        score: numbers(atMean),
        columns: numbers(columns.flat(), [rows.length, code.columns.length]),
        kl: numbers(parts.kl),
        ...(state.neighbours !== null && { distance: numbers(far) }),
      },
    ),
    build(
      'encoder',
      { graph: 'encoder', categories: 'text' },
      {
        code: wanted(
          tensor(
            model.embed(rows as never).flatMap((each) => Array.from(each)),
            { shape: [rows.length, state.recipe.latentSize] },
          ),
        ),
      },
    ),
  ];
}

const quick = { epochs: 2, hidden: [6], latentSize: 2, draws: 3, seed: 3 };

/** Models of tables, of every kind of column. */
export async function tableCases(): Promise<Case[]> {
  const tried = Object.values(KINDS).map((kind) => kind.name);
  const untried = knownKinds
    .names()
    .filter((name) => !tried.includes(name as never) && !['id', 'ignore'].includes(name));
  if (untried.length > 0) throw new Error(`kinds of columns without a case: ${untried.join(', ')}`);
  const learned = rowsOf(160, 1);
  const schema = new Schema(
    Object.entries(KINDS).map(([name, kind]) => ({ name, kind, holes: 0, distinct: 0, example: '', why: '' })),
  );
  const rows = [
    ...rowsOf(9, 2),
    // Levels never seen, numbers far out and below the domain, values apart, a row that was learned.
    {
      ...(rowsOf(1, 3, 0)[0] as Row),
      plan: 'new',
      '': '99',
      always: 'no',
      height: 1e9,
      'income / year': -5,
      visits: -3,
    },
    { ...(rowsOf(1, 4, 0)[0] as Row), price: 9.9, height: -1e5, score: 1e30, visits: -1e9, 'income / year': -1e300 },
    learned[0] as Row,
    learned[7] as Row,
    Object.fromEntries(Object.keys(KINDS).map((name) => [name, null])),
  ];
  const options = { ...quick, schema, onWarning: () => {} };
  const all = await TableModel.fit(learned, options as never);
  const detector = await AnomalyDetector.fit(learned, options as never);
  const plain = rowsOf(90, 5).map(({ height, score }) => ({ height, score }));
  const numbersOnly = await Embedder.fit(plain, { ...quick, onWarning: () => {} } as never);
  const words = rowsOf(120, 6).map(({ plan, size }) => ({ plan, size }));
  const wordsOnly = await AnomalyDetector.fit(words, { ...quick, members: 2, onWarning: () => {} } as never);
  return [
    ...casesOf('a table', all as never, rows),
    ...casesOf('a detector', detector as never, rows),
    ...casesOf('numbers alone', numbersOnly as never, plain.slice(0, 6)),
    ...casesOf('words alone', wordsOnly as never, words.slice(0, 6)),
  ];
}
