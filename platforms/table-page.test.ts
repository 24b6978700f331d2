import { readFileSync } from 'node:fs';
import { TableModel } from '@latent/tables';
import { useKernels } from '@latent/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CsvReader } from '../packages/latent/src/files/csv.ts';
import { browserFile, type Stage, startBrowser } from './browser.ts';
import { dropped, tablePageFiles } from './table-page.ts';

describe.skipIf(browserFile === undefined)('a file that is dropped onto a page in Chromium', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await startBrowser(await tablePageFiles());
  });
  afterAll(() => stage?.close());

  it('is learned from in a worker while the page goes on, and the model scores the same in Node, to the bit', async () => {
    const text = readFileSync(new URL('../bench/data/titanic/titanic.csv', import.meta.url), 'utf8');
    const { bytes, scores, frames, progress } = await dropped(stage, text, { seed: 3, epochs: 8 });
    useKernels('auto', { deterministic: true });
    const { columns, rows } = new CsvReader('rows.csv').read(text, true);
    expect(scores.length).toBe(rows);
    expect(TableModel.fromBytes(bytes).score(columns as never)).toEqual(scores);
    // Frames went on, and the page was told how far the fit was. How long they take is for `bench/page.ts`, on a machine of its own.
    expect(frames.length).toBeGreaterThan(5);
    expect(progress).toBeGreaterThan(8);
  });

  it('that is no table is refused with a sentence', async () => {
    await expect(dropped(stage, 'a,b\n1\n', {})).rejects.toThrow('line 2 has 1 fields');
  });
});
