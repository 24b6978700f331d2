import {
  type DistributedScoreOptions,
  distributedScore,
  localEngine,
  memoryStore,
  registerRecordKind,
} from '@latent/scale';
import { AnomalyDetector, TableModel } from '@latent/tables';
import { Rng } from '@latent/tensor';
import { expect, it } from 'vitest';
import { recordsFile, tableKind } from './records.ts';

registerRecordKind(tableKind);

const numbers = new Rng(3).normal([600]).data;
const rows = Array.from({ length: 300 }, (_, i) => ({
  a: numbers[2 * i] as number,
  b: i % 17 === 0 ? null : (numbers[2 * i + 1] as number),
  level: ['low', 'high', 'none'][i % 3] as string,
}));
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const lines = (from: number, to: number): Uint8Array =>
  bytes(
    rows
      .slice(from, to)
      .map((row) => JSON.stringify(row))
      .join('\n'),
  );
const csv = (from: number, to: number): Uint8Array =>
  bytes(['a,b,level', ...rows.slice(from, to).map(({ a, b, level }) => `${a},${b ?? ''},${level}`)].join('\n'));
const files = [
  { name: 'first.ndjson', bytes: lines(0, 100) },
  { name: 'second.csv', bytes: csv(100, 180) },
  { name: 'third.json', bytes: bytes(JSON.stringify(rows.slice(180))) },
];
const quick = { hidden: [8], latentSize: 2, epochs: 2, draws: 2, seed: 1, onWarning: () => {} };
const place = () => ({ store: memoryStore(), engine: localEngine({ workers: 2 }) });

it.each([TableModel, AnomalyDetector])('workers score tables to the bits of one process', async (kind) => {
  const model = await kind.fit(rows, quick);
  const { scores, rows: count } = await distributedScore(model, { ...place(), parts: files });
  expect(count).toBe(300);
  expect(scores.score?.data).toEqual(model.score(rows));
  expect(model.judge(scores.score?.data as Float64Array, { falseAlarmRate: 0.1 })).toEqual(
    model.predict(rows, { falseAlarmRate: 0.1 }),
  );
});

it('whatever cells are, workers read the same', async () => {
  const cells = [0.1, -0, Number.NaN, -Infinity, null, '', 'a', true, new Date(5), new Date(Number.NaN)];
  const odd = [{ date: 5 }, [1], { cell: { number: '1' } }];
  const names = ['a', 'b'];
  const table = { names, columns: { a: [...cells, ...odd], b: [...odd, ...cells] }, rows: cells.length + odd.length };
  const read = [];
  for await (const piece of tableKind.read(await recordsFile(table))) read.push(piece);
  expect(read).toEqual([table]);
  expect(Object.is(read[0]?.columns.a?.[1], -0)).toBe(true);
  // From somebody else.
  const altered = { name: 'rows.cells', bytes: bytes('{"a":{"date":"x"}}\n{"a":{"other":1}}\n') };
  for await (const { columns } of tableKind.read(altered)) expect(columns.a).toEqual([new Date(Number.NaN), undefined]);
});

it('dates that are no text are scored to the same bits', async () => {
  const dated = rows.map((row, i) => ({ ...row, on: i % 11 === 0 ? null : new Date(86_400_000 * ((i * 37) % 400)) }));
  const model = await TableModel.fit(dated, quick);
  const table = { names: Object.keys(dated[0] as object), rows: dated.length };
  const columns = Object.fromEntries(table.names.map((name) => [name, dated.map((row) => row[name as 'on'])]));
  const { scores } = await distributedScore(model, { ...place(), parts: [await recordsFile({ ...table, columns })] });
  expect(scores.score?.data).toEqual(model.score(dated));
});

it('what cannot be scored is refused, by its part', async () => {
  const model = await TableModel.fit(rows, quick);
  const ask = (options: object) =>
    distributedScore(model, { ...place(), ...options } as unknown as DistributedScoreOptions);
  await expect(ask({ parts: files, score: 'elbo' })).rejects.toThrow("distributedScore: there is no score 'elbo'");
  await expect(ask({ parts: 3 })).rejects.toThrow('the rows must be parts, or files { name, bytes }, got 3');
  await expect(ask({ parts: [{ name: 'a' }] })).rejects.toThrow('files { name, bytes }');
  await expect(ask({ parts: [] })).rejects.toThrow('data.parts');
  await expect(ask({ parts: [{ name: 'a.csv', bytes: bytes('a,b\n1,x\n') }] })).rejects.toThrow("column 'b'");
  const broken = ask({ parts: [{ name: 'b.parquet', bytes: bytes('PAR1junk') }] });
  await expect(broken).rejects.toThrow('data b.parquet: b.parquet cannot be read as Parquet');
  await expect(ask({ parts: [{ url: '/etc/rows.csv' }] })).rejects.toThrow('this worker may read no files');
});
