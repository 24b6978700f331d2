// Every public function with every value that its declared types rule out: it does what its words say, or throws a sentence
// that begins with a name. What is public and what it takes is read off the declarations.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { callablesOf, type Surface, wrongOf } from '../../../scripts/surface/refusals.ts';
import * as tables from './index.ts';
import { people } from './samples.ts';

const rows = people(80);
const quick = () => ({ epochs: 1, members: 1, hidden: [4], latentSize: 2, draws: 1 });
const fitted = await tables.TableModel.fit(rows, quick());
const folder = mkdtempSync(join(tmpdir(), 'latent-surface-'));
const file = join(folder, 'model');
writeFileSync(file, fitted.toBytes());
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const few = () => rows.slice(0, 3);
const schema = () => fitted.schema as unknown as tables.Schema;
const load = () => [file];
const bytes = () => [fitted.toBytes()];
const fit = () => [rows, quick()];

const surface: Surface = {
  folder: 'tables',
  exports: { ...tables, ...tables.column },
  models: ['TableModel'],
  values: {
    'TableRows<Row>': few,
    'TableStream<Row>': few,
    Row: () => rows[0],
    number: () => 2,
    PredictOptions: () => ({ falseAlarmRate: 0.1 }),
    Card: () => fitted.card(),
  },
  calls: Object.fromEntries([
    ...['TableModel', 'AnomalyDetector', 'Imputer', 'Synthesizer', 'Embedder'].flatMap((name) => [
      [`${name}.fit`, fit],
      [`${name}.load`, load],
      [`${name}.fromBytes`, bytes],
    ]),
    ['TableModel.save', () => [join(folder, 'saved')]],
    ['TableModel.judge', () => [[1.5, 2], { falseAlarmRate: 0.1 }]],
    ['TableModel.watch', () => [few(), { falseAlarmRate: 0.1 }]],
    ['new Schema', () => [schema().columns]],
    ['Schema.column', () => ['plan']],
    ['Schema.with', () => [{ plan: tables.column.category() }]],
    ['Schema.fromJSON', () => [schema().toJSON()]],
    ['schemaFrom', () => [{ type: 'object', properties: { a: { type: 'number' } } }]],
    ['quality', () => [rows, rows.slice(0, 40), {}]],
  ]) as Surface['calls'],
  instances: { TableModel: () => fitted, Schema: schema },
  inner: ['TableModel', 'AnomalyDetector', 'Imputer', 'Synthesizer', 'Embedder'].map((name) => `new ${name}`),
  // No change, and no condition.
  takes: {
    'Schema.with': ['kinds plain'],
    'TableModel.synthesize': ['options.where plain'],
    schemaFrom: ['source.nope five'],
    // As in JSON, what is left out is not known.
    'new Schema': ['holes', 'distinct', 'example', 'why'].map((field) => `columns.0.${field} left`),
  },
};

describe.each(callablesOf(surface).map((callable) => [callable.name, callable] as const))('%s', (_name, callable) => {
  it('refuses what its types rule out', async () => expect(await wrongOf(callable, surface)).toEqual([]));
});
