import { beforeAll, describe, expect, it } from 'vitest';
import { people } from '../samples.ts';
import { TableModel } from '../table-model.ts';
import { type ExportTableOptions, exportTable, type OnnxColumn, onnxTable } from './index.ts';

const rows = people(120);
const quick = { epochs: 1, members: 1, hidden: [4], latentSize: 2, draws: 2, onWarning: () => {} };
let model: TableModel<(typeof rows)[number]>;
beforeAll(async () => {
  model = await TableModel.fit(rows, quick);
});

const columnsOf = (options: ExportTableOptions): OnnxColumn[] =>
  JSON.parse(onnxTable(model, options).metadataProps?.find(({ key }) => key === 'columns')?.value as string);

describe('a table as ONNX', () => {
  it('has an input for each column that the model sees, with what it holds', () => {
    expect(
      columnsOf({}).map(({ name, input, type, unit, levels }) => [name, input, type, unit, levels?.length]),
    ).toEqual([
      ['height', 'height', 'float64', undefined, undefined],
      ['weight', 'weight', 'float64', undefined, undefined],
      ['plan', 'plan', 'int64', undefined, 3],
      ['price', 'price', 'float64', undefined, undefined],
      ['visits', 'visits', 'float64', undefined, undefined],
      ['active', 'active', 'int64', undefined, 2],
      ['joined', 'joined', 'float64', 'milliseconds since 1970 UTC', undefined],
    ]);
    const types = columnsOf({ rows: 'float32', categories: 'text' }).map(({ name, type }) => `${name} ${type}`);
    expect(types).toEqual([
      ...['height float32', 'weight float32', 'plan string', 'price float32', 'visits float32'],
      ...['active string', 'joined float64'],
    ]);
  });

  it('says which texts are no levels but holes', () => {
    const holesOf = (column: string) => columnsOf({}).find(({ name }) => name === column)?.holes;
    expect(holesOf('plan')).toEqual(['', '?']);
    expect(holesOf('active')).toContain('NA');
  });

  it('needs no domain but for texts', () => {
    const domains = (options: ExportTableOptions) => onnxTable(model, options).opsetImport?.map(({ domain }) => domain);
    expect(domains({})).toEqual(['']);
    expect(domains({ categories: 'text' })).toEqual(['', 'ai.onnx.ml']);
  });

  it('is the same bytes each time and after a file, and leaves the model as it was', () => {
    const before = model.score(rows.slice(0, 5));
    const bytes = exportTable(model, { graph: 'imputer' });
    expect(exportTable(TableModel.fromBytes(model.toBytes()), { graph: 'imputer' })).toEqual(bytes);
    expect(model.score(rows.slice(0, 5))).toEqual(before);
  });

  it('takes columns of any name', async () => {
    const names = ['score', 'pValue', '', '/a', 'column.score', 'filled.x', 'x', 'größe 1/2', '__proto__ ', 'eps'];
    const odd = rows.map((row, i) =>
      Object.fromEntries(names.map((name, k) => [name, row.height * (k + 1) + (i % 7)])),
    );
    const named = await TableModel.fit(odd as never, quick as never);
    for (const graph of ['score', 'imputer'] as const) {
      const { graph: made } = onnxTable(named, { graph });
      const values = [...(made?.input ?? []), ...(made?.output ?? []), ...(made?.initializer ?? [])].map(
        (each) => each.name,
      );
      const nodes = (made?.node ?? []).flatMap(({ output }) => output ?? []);
      const inputs = made?.input?.map((each) => each.name) ?? [];
      expect(inputs.length).toBe(names.length);
      expect(values).not.toContain('');
      expect(new Set(values).size).toBe(values.length);
      expect(inputs.filter((name) => nodes.includes(name as string))).toEqual([]);
    }
  });

  it('tells what a detector promises', () => {
    const { metadataProps } = onnxTable(model, { graph: 'detector', falseAlarmRate: 0.1 });
    const { guarantee } = JSON.parse(metadataProps?.find(({ key }) => key === 'threshold')?.value as string);
    expect(guarantee).toBe('at most 10.0 % of usual rows raise an alarm, on average over calibrations (40 rows)');
  });

  it.each([
    [
      { graph: 'detector' },
      'detector: give one of falseAlarmRate, contamination, threshold, got none; a false discovery rate is of',
    ],
    [{ graph: 'detector', threshold: 1, contamination: 0.1 }, 'got contamination and threshold'],
    [{ graph: 'detector', falseAlarmRate: 1e-3 }, '40 calibration rows cannot promise a false-alarm rate of 0.001'],
    [{ graph: 'decoder' }, "exportTable: there is no graph 'decoder'; did you mean 'encoder'? (known: score, detector"],
    [{ graph: 'score', threshold: 1 }, 'threshold'],
    [{ samples: 4 }, "the mean of a code is one, got 4 samples; leave them out, or say noise: 'input'"],
    [{ categories: 'words' }, "categories must be one of 'codes', 'text'"],
    [{ graph: 7 }, "there is no graph '7'"],
    [null, 'options'],
  ])('refuses %j', (options, message) => {
    expect(() => exportTable(model, options as never)).toThrow(message);
  });

  it('refuses what is no model of a table', () => {
    for (const other of [null, 3, {}, TableModel, rows]) {
      expect(() => exportTable(other as never)).toThrow('exportTable: expected a model of a table, got');
    }
  });
});
