import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { decodeSafetensors, encodeSafetensors } from '@latent/nn';
import { TableModel } from '@latent/tables';
import { Rng, tensor } from '@latent/tensor';
import { bernoulli, Vae } from '@latent/vae';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attack, attackedFiles } from '../test/attacked.ts';
import { mutatedCopies } from '../test/mutated.ts';
import { latent } from '../test/terminal.ts';
import { LARGE_FILE } from './commands/score.ts';
import { modelServer } from './commands/serve.ts';
import { COMMANDS } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'latent-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);
const text = (name: string): string => readFileSync(at(name), 'utf8');

/** Rows in which columns go together: the level is by the size, and the weight by both. */
function rowsOf(count: number, seed: number): string {
  const numbers = new Rng(seed).uniform([count * 3]).data;
  const lines = Array.from({ length: count }, (_, i) => {
    const [a, b, c] = [numbers[3 * i] as number, numbers[3 * i + 1] as number, numbers[3 * i + 2] as number];
    const size = 10 + 90 * a;
    const hole = b < 0.05;
    return `k${seed}-${i},${size.toFixed(1)},${a < 0.5 ? 'small' : '"large, too"'},${hole ? '' : (3 * size + 5 * c).toFixed(2)},${b < 0.3 ? 'yes' : 'no'}`;
  });
  return `${['key,size,level,weight,paid', ...lines].join('\n')}\n`;
}

const MODEL = at('m.safetensors');
const NEW = at('new.csv');

beforeAll(async () => {
  writeFileSync(at('rows.csv'), rowsOf(600, 1));
  writeFileSync(NEW, `${rowsOf(40, 2)}odd,15.0,"large, too",300.00,no\n`);
  const { code, said } = await latent(['train', at('rows.csv'), '--out', MODEL, '--epochs', '60', '--seed', '3']);
  expect({ code, said }).toMatchObject({ code: 0, said: expect.stringContaining('600 rows') as string });
});

describe('commands', () => {
  it('inspect says what columns hold, and writes a schema that train takes', async () => {
    const { code, out, said } = await latent(['inspect', at('rows.csv'), '--write', at('schema.json')]);
    expect(code).toBe(0);
    expect(out).toMatch(/^column +kind/);
    expect(out).toMatch(/key +id/);
    expect(said).toContain('600 rows, 5 columns');
    const json = JSON.parse((await latent(['inspect', at('rows.csv'), '--json', '-q'])).out) as { rows: number };
    expect(json.rows).toBe(600);
    const schema = JSON.parse(text('schema.json')) as { columns: { name: string; kind: unknown }[] };
    const [, , level] = schema.columns as [unknown, unknown, { kind: unknown }];
    level.kind = { name: 'ignore' };
    writeFileSync(at('edited.json'), JSON.stringify(schema));
    const words = ['train', '-', '--schema', at('edited.json'), '-o', at('edited.st'), '--epochs', '1', '--json', '-q'];
    const trained = await latent(words, { input: rowsOf(300, 4) });
    expect(trained).toMatchObject({ code: 0, said: '' });
    const { card } = JSON.parse(trained.out) as { card: { columns: { name: string; kind: string }[] } };
    expect(card.columns.find(({ name }) => name === 'level')?.kind).toBe('ignore');
  });

  it('score adds its columns, finds the planted row and says why', async () => {
    const { code, out, said } = await latent(['score', MODEL, NEW, '--false-alarms', '0.05', '--fail-on', 'anomaly']);
    const lines = out.trimEnd().split('\n');
    expect(lines[0]).toBe('key,size,level,weight,paid,score,p,anomaly,because');
    expect(lines).toHaveLength(42);
    expect(lines.at(-1)).toMatch(/^odd,15\.0,"large, too",300\.00,no,[\d.]+,[\d.]+,true,"?(size|weight|level) /);
    expect(code).toBe(4);
    expect(said).toContain('of 41 rows are odd; at most 5.00 %');
    const odd = await latent(['score', MODEL, NEW, '--odd', '--format', 'ndjson', '--no-reasons', '-q']);
    expect(odd.said).toBe('');
    for (const line of odd.out.trimEnd().split('\n')) {
      expect(JSON.parse(line)).toMatchObject({ anomaly: true, because: null });
    }
  });

  it('score reads a large file piece by piece, to the same lines', async () => {
    const many = rowsOf(3000, 5);
    writeFileSync(at('many.csv'), many);
    writeFileSync(at('many.csv.gz'), gzipSync(many));
    const { out: whole, said } = await latent(['score', MODEL, at('many.csv')]);
    const records = await latent(['score', MODEL, at('many.csv'), '--format', 'ndjson', '--no-reasons', '-q']);
    writeFileSync(at('many.ndjson'), records.out);
    const before = LARGE_FILE.bytes;
    LARGE_FILE.bytes = 100;
    try {
      expect(await latent(['score', MODEL, at('many.csv')])).toMatchObject({ code: 0, out: whole, said });
      expect((await latent(['score', MODEL, at('many.csv.gz'), '-q'])).out).toBe(whole);
      const lines = await latent(['score', MODEL, at('many.ndjson'), '--no-reasons', '--odd', '--json', '-q']);
      expect({ code: lines.code, rows: JSON.parse(lines.out).length > 0 }).toEqual({ code: 0, rows: true });
      const all = await latent(['score', MODEL, at('many.csv'), '--contamination', '0.1']);
      expect(all).toMatchObject({ code: 2, said: expect.stringContaining('piece by piece') as string });
      writeFileSync(at('cut.csv'), `${many}1,2\n`);
      const cut = await latent(['score', MODEL, at('cut.csv'), '-o', at('cut-scored.csv'), '-q']);
      expect(cut).toMatchObject({ code: 3, said: expect.stringContaining('line 3002 has 2 fields') as string });
      expect(readdirSync(folder).filter((name) => name.startsWith('cut-scored'))).toEqual([]);
    } finally {
      LARGE_FILE.bytes = before;
    }
  });

  it('score keeps clear of columns that have its names', async () => {
    const { out } = await latent(['score', MODEL, '-', '--no-reasons', '-q'], { input: 'size,score\n20,9\n' });
    expect(out.split('\n')[0]).toBe('size,score,latent_score,p,anomaly,because');
  });

  it('explain names cells and what would make the row usual', async () => {
    const { out } = await latent(['explain', MODEL, NEW, '--row', '40', '--repair', '-q']);
    expect(out).toMatch(/^row 40: [\d.]+ nats, p [\d.]+\n +[\d.]+ nats /);
    expect(out).toContain('expected ');
    expect(out).toMatch(/usual/);
    const json = JSON.parse(
      (await latent(['explain', MODEL, NEW, '--row', '0', '--row', '40', '--json', '-q'])).out,
    ) as object[];
    expect(json.map((each) => (each as { row: number }).row)).toEqual([0, 40]);
    expect((await latent(['explain', MODEL, NEW, '-q'])).out).toMatch(/^row \d+: /);
  });

  it('impute fills holes and leaves all else', async () => {
    const input = 'key,size,level,weight,paid\na,50,small,,yes\nb,,small,90,no\n';
    const { code, out, said } = await latent(['impute', MODEL, '-'], { input });
    const [head, a, b] = out.trimEnd().split('\n') as [string, string, string];
    expect(code).toBe(0);
    expect(head).toBe('key,size,level,weight,paid');
    expect(a).toMatch(/^a,50,small,\d+(\.\d+)?,yes$/);
    expect(b).toMatch(/^b,\d+(\.\d+)?,small,90,no$/);
    expect(said).toContain('2 holes of 2 rows were filled');
    const drawn = await latent(['impute', MODEL, '-', '--draw', '--seed', '1', '-q'], { input });
    expect(drawn.out.split('\n')).toHaveLength(4);
  });

  it('synthesize makes rows that meet conditions, and quality judges them', async () => {
    const made = await latent([
      'synthesize',
      MODEL,
      '--n',
      '200',
      '--where',
      'level=large, too',
      '--where',
      'size>=60',
      '--where',
      'size<=80',
      '--out',
      at('made.csv'),
    ]);
    expect(made).toMatchObject({ code: 0, out: '' });
    const lines = text('made.csv').trimEnd().split('\n').slice(1);
    expect(lines).toHaveLength(200);
    for (const line of lines) expect(line).toMatch(/^,(6\d|7\d|80)(\.\d+)?,"large, too",/);
    const again = await latent(['synthesize', MODEL, '--n', '3', '--seed', '8', '--json']);
    expect((JSON.parse(again.out) as object[]).length).toBe(3);
    expect((await latent(['synthesize', MODEL, '--n', '3', '--seed', '8', '--json'])).out).toBe(again.out);
    const judged = await latent(['quality', at('rows.csv'), at('made.csv'), '--json']);
    const { shapes } = JSON.parse(judged.out) as { shapes: { value: number; independent: number } };
    expect(shapes.value).toBeLessThan(shapes.independent);
    expect((await latent(['quality', at('rows.csv'), at('made.csv'), '--holdout', NEW])).out).toContain('best 50 %');
  });

  it('drift tells new rows from old ones', async () => {
    const same = await latent(['drift', MODEL, '-', '--fail-on', 'drift', '--alpha', '0.001'], {
      input: rowsOf(200, 9),
    });
    expect(same).toMatchObject({ code: 0, said: 'no drift was found' });
    const other = await latent(['drift', MODEL, at('made.csv'), '--fail-on', 'drift']);
    expect(other.code).toBe(4);
    expect(other.out).toMatch(/column +DRIFT .* size,/);
    expect(JSON.parse((await latent(['drift', MODEL, at('made.csv'), '--json', '-q'])).out)).toMatchObject({
      drift: true,
    });
  });

  it('report and card tell about a model, and about rows', async () => {
    const { code } = await latent(['report', MODEL, NEW, '--out', at('report.html'), '--colour', 'level']);
    expect(code).toBe(0);
    const page = text('report.html');
    for (const id of ['overview', 'anomalies', 'drift', 'map', 'columns', 'training', 'limits']) {
      expect(page).toContain(`<section id="${id}">`);
    }
    expect(page).toContain('Codes of rows by level');
    expect((await latent(['report', MODEL, '-o', '-'])).out).toContain('<section id="training">');
    expect((await latent(['card', MODEL])).out).toMatch(/^# Model card: all/);
    expect(JSON.parse((await latent(['card', MODEL, '--json'])).out)).toMatchObject({ seed: 3 });
  });

  it('hostile cells are inert in what is written and said', async () => {
    const input =
      'key,size,level,weight,paid,"<script>alert(1)</script>"\n\u001b[31mx,5,=cmd(),<b>,"<script>",\u202eabc\n';
    const { out } = await latent(['report', MODEL, '-', '-o', '-', '-q'], { input });
    expect(out).not.toContain('<script>');
    expect(out).not.toContain('\u001b');
    const { said, code } = await latent(['explain', MODEL, '-'], { input: input.replace('<b>', '5') });
    expect({ code, escape: said.includes('\u001b') }).toMatchObject({ code: 0 });
  });

  it('export and convert write files of other programs', async () => {
    const vae = new Vae({ inputSize: 3, latentSize: 1, reconstruction: bernoulli() });
    writeFileSync(at('vae.safetensors'), vae.toBytes());
    const { code, said } = await latent(['export', at('vae.safetensors'), '--graph', 'encoder', '-o', at('vae.onnx')]);
    expect({ code, said: said.includes('bytes') }).toEqual({ code: 0, said: true });
    writeFileSync(at('x.safetensors'), encodeSafetensors({ x: tensor([1, 2]) }));
    expect((await latent(['convert', at('x.safetensors'), '-o', at('x.npz')])).code).toBe(0);
    expect((await latent(['convert', at('x.npz'), '--to', 'npy', '-o', '-'])).bytes.length).toBeGreaterThan(100);
    await latent(['convert', at('x.npz'), '--out', at('first.npy'), '-o', at('last.npy')]);
    expect(readdirSync(folder).filter((name) => /^(first|last)\.npy$/.test(name))).toEqual(['last.npy']);
    expect(await latent(['convert', at('x.npz'), '-o', at('x.onnx')])).toMatchObject({
      code: 2,
      said: expect.stringContaining('does not say what to write; end it in .safetensors, .npz, .npy') as string,
    });
    writeFileSync(at('none.safetensors'), encodeSafetensors({ x: tensor([1]) }));
    expect(await latent(['export', at('none.safetensors')])).toMatchObject({
      code: 3,
      said: expect.stringContaining('is no model') as string,
    });
    expect(await latent(['export', at('vae.safetensors'), '--graph', 'encodr'])).toMatchObject({
      code: 2,
      said: expect.stringContaining("did you mean 'encoder'?") as string,
    });
    expect(await latent(['export', at('vae.safetensors'), '--false-alarms', '0.1'])).toMatchObject({
      code: 2,
      said: expect.stringContaining('--false-alarms is for models of tables') as string,
    });
  });

  it('convert takes a model of TensorFlow.js with the files beside it', async () => {
    const weights = [{ name: 'w', shape: [2], dtype: 'float32' }];
    const model = (path: string) => JSON.stringify({ weightsManifest: [{ paths: [path], weights }] });
    writeFileSync(at('w.bin'), new Uint8Array(Float32Array.of(1, 2).buffer));
    writeFileSync(at('model.json'), model('w.bin'));
    const { code, out } = await latent(['convert', at('model.json'), '-o', at('w.safetensors'), '--json']);
    expect({ code, out: JSON.parse(out) }).toMatchObject({ code: 0, out: { file: at('w.safetensors') } });
    expect(decodeSafetensors(readFileSync(at('w.safetensors'))).tensors.w?.toArray()).toEqual([1, 2]);
    for (const [path, message] of [
      ['v.bin', 'needs v.bin beside it'],
      ['../w.bin', 'names ../w.bin, which is not beside it'],
    ] as const) {
      writeFileSync(at('model.json'), model(path));
      expect(await latent(['convert', at('model.json'), '-o', at('w.npz')])).toMatchObject({
        code: 3,
        said: expect.stringContaining(message) as string,
      });
    }
  });

  it.each([
    ['--graph scor', '--graph must be one of score, detector, contributions, imputer, encoder, got "scor"'],
    ['--false-alarms 0.1', '--false-alarms is for --graph detector, got score'],
    ['--graph detector --threshold 5 --contamination 0.1', 'give one of --false-alarms'],
    ['--graph detector --threshold 5 --confidence 0.9', '--confidence goes with --false-alarms'],
  ])('export of a table refuses %s as a matter of usage', async (words, message) => {
    expect(await latent(['export', MODEL, ...words.split(' '), '-o', at('no.onnx')])).toMatchObject({
      code: 2,
      said: expect.stringContaining(message) as string,
    });
  });

  it('export writes a table’s detector, which takes its columns by name', async () => {
    const words = ['export', MODEL, '--graph', 'detector', '--false-alarms', '0.05', '--categories', 'text'];
    const { code, said, out } = await latent([...words, '--onnx', at('detector.onnx'), '--json']);
    expect({ code, said }).toMatchObject({
      code: 0,
      said: expect.stringContaining('level: string, 2 levels') as string,
    });
    const { columns } = JSON.parse(out) as { columns: { input: string; type: string }[] };
    expect(columns.map(({ input, type }) => `${input} ${type}`)).toEqual([
      'size float64',
      'level string',
      'weight float64',
      'paid string',
    ]);
    expect(text('detector.onnx')).toContain('at most 5.00 % of usual rows raise an alarm');
    expect(await latent(['export', MODEL, '--graph', 'detector', '--false-alarms', '1e-4'])).toMatchObject({
      code: 3,
      said: expect.stringContaining('120 calibration rows cannot promise a false-alarm rate of 0.0001') as string,
    });
  });

  it('an interrupted fit is calibrated, written and told', async () => {
    const words = ['train', at('rows.csv'), '-o', at('half.st'), '--epochs', '5000', '--seed', '1'];
    const { code, said } = await latent(words, { interrupted: true });
    expect(code).toBe(130);
    expect(said).toContain('training was ended before it was done');
    expect((await latent(['score', at('half.st'), NEW, '-q'])).code).toBe(0);
    expect(readdirSync(folder).filter((name) => /tmp|partial/.test(name))).toEqual([]);
  });
});

describe('a training that was ended', () => {
  const words = (out: string): string[] => ['train', at('rows.csv'), '-o', out, '--epochs', '40', '--seed', '4'];
  /** All numbers that were learned, as text. */
  const learned = (name: string): string =>
    Object.entries(decodeSafetensors(readFileSync(at(name))).tensors)
      // What is said of the fit has its time.
      .filter(([tensorName]) => tensorName !== 'learned')
      .map(([tensorName, { data }]) => `${tensorName} ${Array.from(data)}`)
      .join('\n');

  it('goes on to the same bits', async () => {
    expect((await latent(words(at('whole.st')))).code).toBe(0);
    const { code, said } = await latent(words(at('twice.st')), { interrupted: true });
    expect({ code, told: said.includes('--resume') }).toEqual({ code: 130, told: true });
    expect(learned('twice.st')).not.toBe(learned('whole.st'));
    expect((await latent([...words(at('twice.st')), '--resume'])).code).toBe(0);
    expect(learned('twice.st')).toBe(learned('whole.st'));
    expect(readdirSync(folder).filter((name) => name.startsWith('twice.st.'))).toEqual([]);
  });

  it('goes on with the same rows alone', async () => {
    await latent(words(at('other.st')), { interrupted: true });
    const changed = ['train', NEW, '-o', at('other.st'), '--epochs', '40', '--seed', '4', '--resume'];
    expect(await latent(changed)).toMatchObject({ code: 3, said: expect.stringContaining('resume') as string });
  });
});

describe('what makes no sense is refused', () => {
  const file = NEW;
  it.each([
    [['trian'], 2, 'there is no command "trian"; did you mean train?'],
    [
      ['score', MODEL, file, '--flase-alarms', '1'],
      2,
      'there is no option --flase-alarms; did you mean --false-alarms?',
    ],
    [['score', MODEL], 2, 'missing required positional argument: DATA'],
    [['score', MODEL, file, 'more'], 2, 'there is one argument too many, "more"'],
    [['score', MODEL, file, '--false-alarms', 'x'], 2, '--false-alarms must be a number from 0 to 1, got "x"'],
    [['score', MODEL, file, '--false-alarms', '0.1', '--threshold', '3'], 2, 'give one of'],
    [['score', MODEL, file, '--format', 'cvs'], 2, 'did you mean csv?'],
    [['score', MODEL, file, '--out', '/no/such/folder/x.csv'], 2, 'cannot be written'],
    [['score', MODEL, file, '--out', 'x.parquet'], 2, 'Parquet is not written'],
    [['score', '-', '-'], 2, 'only one of the files may be -'],
    [['score', MODEL, `${folder}/nwe.csv`], 2, 'did you mean new.csv?'],
    [['score', MODEL, folder], 2, 'is a folder'],
    [['score', MODEL, file, '--false-alarms', '0.000001'], 3, 'cannot promise'],
    [['score', file, file], 3, 'is no model of a table'],
    [['score', MODEL, '-', '--input-format', 'xls'], 3, "'xls'"],
    [['train', file, '--seed'], 2, '--seed needs a value'],
    [['train', file, '--seed', '--json'], 2, '--seed needs a value'],
    [['train', file, '--seed', '1.5'], 2, '--seed must be a whole number of at least 0'],
    [['train', file, '--task', 'anomaly'], 2, 'did you mean anomalies?'],
    [['train', file, '--out', '/no/such/folder/m'], 2, 'cannot be written'],
    [['train', MODEL], 3, 'is no text'],
    [['train', file, '--shards', '2'], 2, '--shards is for --workers'],
    [['train', file, '--workers', 'redis://localhost:1', '--resume'], 2, 'goes on by itself'],
    [['train', file, '--workers', 'redis://localhost:1', '--shards', '4096'], 2, '--shards 4096 are more than the'],
    [['train', file, '--workers', 'postgres://localhost:1'], 2, '--store must say where blobs are'],
    [['train', file, '--workers', 'ftp://x', '--store', folder], 2, 'workers listen at redis://'],
    [['worker', 'localhost:6379'], 2, 'workers listen at redis://…, rediss://… or postgres://…, got "localhost:6379"'],
    [['worker', 'redis://localhost:1', '--threads', '0'], 2, '--threads must be a whole number from 1 to 64'],
    [['train', file, '--schema', file], 3, 'is no JSON'],
    [['explain', MODEL, file, '--row', '41'], 2, 'there is no row 41; rows are 0 to 40'],
    [['explain', MODEL, file, '--row', '-1'], 2, '--row must be a whole number'],
    [['synthesize', MODEL, '--where', 'levle=small'], 2, 'did you mean level?'],
    [['synthesize', MODEL, '--where', 'level=tiny'], 3, 'must be one of'],
    [['synthesize', MODEL, '--n', 'many'], 2, '--n must be a whole number'],
    [['serve', MODEL, '--port', '70000'], 2, '--port must be a whole number from 0 to 65535'],
    [['serve', MODEL, '--false-discoveries', '0.1'], 2, 'of a batch of rows'],
  ])('%j', async (words, code, message) => {
    const ran = await latent(words);
    expect(ran).toMatchObject({ code, out: '', said: expect.stringContaining(message) as string });
    expect(ran.said).not.toContain('fault of the program');
  });

  it('every command has help, and the version is told', async () => {
    for (const name of Object.keys(COMMANDS)) {
      const { code, out } = await latent([name, '--help']);
      expect({ name, code, usage: out.includes(`latent ${name}`) }).toEqual({ name, code: 0, usage: true });
      expect(out).not.toContain('\u001b');
    }
    expect((await latent(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await latent([])).code).toBe(2);
    expect((await latent(['help', 'train'])).out).toContain('latent train');
  });

  it('damaged files of rows are refused with a sentence, or read', async () => {
    for (const file of await attackedFiles(at)) {
      expect((await attack(file, file.name === 'Parquet' ? 4 : 20, 11)).wrong).toEqual([]);
    }
  });

  it('damaged models are refused with a sentence, or read', async () => {
    const bytes = new Uint8Array(readFileSync(MODEL));
    for (const damaged of mutatedCopies([bytes], 60, 5)) {
      const { code, said } = await latent(['card', '-', '--json'], { input: damaged });
      expect([0, 3]).toContain(code);
      expect(said).not.toContain('fault of the program');
    }
  });
});

describe('serve', () => {
  const rows = [{ size: 20, level: 'small', weight: 62, paid: 'yes' }];
  const listening = async (use: (url: string) => Promise<void>): Promise<void> => {
    const model = await TableModel.load(MODEL);
    // Answers have it as notes.
    model.onWarning = () => {};
    const server = modelServer(model, { falseAlarmRate: 0.02 }, true);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    try {
      await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    } finally {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
    }
  };
  const post = (url: string, body: string, type = 'application/json'): Promise<Response> =>
    fetch(url, { method: 'POST', body, headers: { 'content-type': type } });

  it('answers as the model does', () =>
    listening(async (url) => {
      const model = await TableModel.load(MODEL);
      const scored = (await (await post(`${url}/score`, JSON.stringify({ rows }))).json()) as {
        rows: { score: number }[];
      };
      expect(scored.rows).toEqual(model.predict(rows, { falseAlarmRate: 0.02 }));
      const one = (await (await post(`${url}/score`, JSON.stringify(rows[0]))).json()) as typeof scored;
      expect(one).toEqual(scored);
      const why = (await (await post(`${url}/explain`, JSON.stringify(rows))).json()) as {
        rows: { cells: unknown[] }[];
      };
      expect(why.rows[0]?.cells.length).toBe(4);
      const filled = (await (await post(`${url}/impute`, JSON.stringify([{ size: 20, level: 'small' }]))).json()) as {
        rows: Record<string, unknown>[];
        notes: string[];
      };
      expect(filled.notes).toContainEqual(expect.stringContaining("no row has the column 'paid'"));
      expect(scored).not.toHaveProperty('notes');
      expect(filled.rows[0]).toMatchObject({ size: 20, level: 'small' });
      expect(await (await fetch(`${url}/card`)).json()).toMatchObject({ seed: 3 });
    }));

  it('refuses what makes no sense, and goes on', () =>
    listening(async (url) => {
      const status = async (answer: Promise<Response>): Promise<unknown> => {
        const { status: code, headers } = await answer;
        expect(headers.get('content-type')).toContain('application/json');
        return code;
      };
      expect(await status(post(`${url}/score`, 'x'))).toBe(400);
      expect(await status(post(`${url}/score`, '[1]'))).toBe(400);
      expect(await status(post(`${url}/score`, '[{"other":1}]'))).toBe(422);
      expect(await status(post(`${url}/score`, '[]', 'text/plain'))).toBe(415);
      expect(await status(post(`${url}/nothing`, '[]'))).toBe(404);
      expect(await status(post(`${url}/__proto__`, '[]'))).toBe(404);
      expect(await status(fetch(`${url}/score`))).toBe(405);
      expect(await status(post(`${url}/score`, JSON.stringify(Array.from({ length: 10_001 }, () => ({})))))).toBe(413);
      expect(await status(post(`${url}/score`, JSON.stringify(rows)))).toBe(200);
      const named = await new Promise<number | undefined>((resolve, reject) => {
        request(`${url}/card`, { headers: { host: 'evil.example' } }, (response) => {
          response.resume();
          resolve(response.statusCode);
        })
          .on('error', reject)
          .end();
      });
      expect(named).toBe(403);
    }));

  it('a body that is too large ends the request, not the server', () =>
    listening(async (url) => {
      const large = await post(`${url}/score`, `[${'1'.repeat(11_000_000)}]`).then(
        ({ status }) => status,
        () => 'ended',
      );
      expect([413, 'ended']).toContain(large);
      expect((await post(`${url}/score`, JSON.stringify(rows))).status).toBe(200);
    }));
});

it('a reader that leaves ends the command without a word', async () => {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url));
  const words = ['--import', 'tsx', '--conditions=source', main, 'synthesize', MODEL, '--n', '20000'];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (part: Buffer) => {
    said += part.toString();
  });
  child.stdout.once('data', () => child.stdout.destroy());
  const code = await new Promise<number | null>((resolve) => child.on('exit', resolve));
  expect({ code, said }).toEqual({ code: 0, said: '' });
});
