import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { attack, attackedFiles } from '../packages/latent/test/attacked.ts';
import { attacked, dice, modelFiles, tryFile } from '../packages/vae/src/model/samples.ts';

// `npm run attack`: files of models with damage, and with descriptions that say something else, read as a stranger would; and files of rows
// and of tables' models with damage, handed to the command line.

const HELP = `Reads mutated files of models: each is refused with a sentence, or is what it says, and none takes long or much.

usage: npm run attack -- [--files 20000] [--tables 10000] [--seed 1] [--only N]

  --files N   how many (20,000)
  --tables N  how many of CSV, TSV, JSON, NDJSON, Parquet and models of tables go through the command line (10,000)
  --seed N    of the mutations (1); each file has its own: seed + place
  --only N    the file at this place alone, with what was thrown in full
  --help      this text`;

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '20000' },
    tables: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) console.log(HELP);
else {
  await main(Number(values.files), Number(values.seed), values.only === undefined ? null : Number(values.only));
  if (values.only === undefined) await tables(Number(values.tables), Number(values.seed));
}

async function tables(count: number, seed: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'latent-attack-'));
  try {
    const files = await attackedFiles((name) => join(folder, name));
    for (const [i, file] of files.entries()) {
      const own = Math.floor((count * (i + 1)) / files.length) - Math.floor((count * i) / files.length);
      const started = performance.now();
      const { read, refused, wrong } = await attack(file, own, seed);
      const seconds = ((performance.now() - started) / 1000).toFixed(0);
      console.log(`${own} ${file.name} in ${seconds} s: ${refused} refused, ${read} read, ${wrong.length} wrong`);
      for (const what of wrong) console.error(what);
      if (wrong.length > 0) process.exitCode = 1;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(count: number, seed: number, only: number | null): Promise<void> {
  const files = await modelFiles();
  const outcomes = { refused: 0, same: 0, other: 0, wrong: 0 };
  const started = performance.now();
  for (let i = only ?? 0; i < (only === null ? count : only + 1); i++) {
    try {
      outcomes[tryFile(attacked(files, dice(seed + i)), files)]++;
    } catch (error) {
      if (only !== null) throw error;
      outcomes.wrong++;
      console.error(`file ${i}: ${(error as Error).message}`);
    }
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  const { refused, same, other, wrong } = outcomes;
  console.log(
    `${count} files in ${seconds} s: ${refused} refused, ${same} unchanged, ${other} as they say, ${wrong} wrong`,
  );
  if (wrong > 0) process.exitCode = 1;
}
