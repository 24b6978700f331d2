import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeSafetensors, encodeSafetensors, standardise } from '@latent/nn';
import { LatentError, Rng, tensor } from '@latent/tensor';
import { afterAll, describe, expect, it } from 'vitest';
import { Autoencoder } from '../autoencoder/autoencoder.ts';
import { bernoulli } from '../reconstruction/bernoulli.ts';
import { gaussian } from '../reconstruction/gaussian.ts';
import { Classifier } from '../supervised/classifier.ts';
import { Vae } from '../variational/vae.ts';
import { loadModel, modelFromBytes } from './load.ts';
import { attacked, dice, modelFiles, tryFile } from './samples.ts';

const folder = mkdtempSync(join(tmpdir(), 'latent-models-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const files = await modelFiles();

describe('files that were tampered with', () => {
  it('2,000 of them are refused with a sentence, or are what they say; none takes long or much', () => {
    const roll = dice(20);
    const counts = { refused: 0, same: 0, other: 0 };
    for (let i = 0; i < 2000; i++) {
      const attempt = attacked(files, roll);
      try {
        counts[tryFile(attempt, files)]++;
      } catch (error) {
        throw new Error(`file ${i}`, { cause: error });
      }
    }
    expect(counts.refused).toBeGreaterThan(1000);
    expect(counts.refused + counts.same + counts.other).toBe(2000);
  });
});

describe('small files that ask for much', () => {
  const [bytes] = files;
  const { tensors, metadata } = decodeSafetensors(bytes!);
  const config = JSON.parse(metadata.config!) as Record<string, unknown>;
  const learned = JSON.parse(metadata.learned!) as Record<string, unknown>;
  const saying = (change: object, knows: object = learned): Uint8Array =>
    encodeSafetensors(tensors, {
      ...metadata,
      config: JSON.stringify({ ...config, ...change }),
      learned: JSON.stringify(knows),
    });
  /** Texts in texts: JSON.stringify itself does not go that deep. */
  const within = (open: string, times: number, inner: string, close: string): string =>
    open.repeat(times) + inner + close.repeat(times);
  let steps: object = { name: 'standardise' };
  for (let i = 0; i < 4; i++) steps = { name: 'chain', steps: Array.from({ length: 16 }, () => steps) };
  const many = (n: number, of: unknown): unknown[] => new Array(n).fill(of);
  const dense = (units: number): object => ({ name: 'dense', units });

  const bombs: [string, () => Uint8Array][] = [
    ['a hundred million columns', () => saying({ event: [1e8] })],
    ['more columns than can be counted', () => saying({ event: [2 ** 30, 2 ** 30] })],
    ['a shape of eight axes', () => saying({ event: many(8, 2 ** 20) })],
    ['a shape of a thousand axes', () => saying({ event: many(1000, 2) })],
    ['wide layers', () => saying({ encoder: [dense(30_000), dense(30_000)] })],
    ['a layer of 10¹⁵ units', () => saying({ encoder: [dense(1e15)] })],
    ['a thousand layers', () => saying({ encoder: many(1000, dense(3)) })],
    ['200,000 layers', () => saying({ encoder: many(200_000, dense(3)) })],
    ['a reshape to much', () => saying({ encoder: [{ name: 'reshape', shape: [2 ** 40] }] })],
    ['a code of 10⁹ numbers', () => saying({ latentSize: 1e9 })],
    ['a code of 10³⁰⁸ numbers', () => saying({ latentSize: 1e308 })],
    [
      '10,000 nested likelihoods',
      () =>
        encodeSafetensors(tensors, {
          ...metadata,
          config: JSON.stringify({ ...config, reconstruction: 'HERE' }).replace(
            '"HERE"',
            within('{"name":"composite","parts":[[4,', 10_000, '{"name":"bernoulli"}', ']]}'),
          ),
        }),
    ],
    [
      '50,000 likelihoods in a few composites',
      () =>
        saying({
          reconstruction: {
            name: 'composite',
            parts: many(50, [1, { name: 'composite', parts: many(1000, [1, { name: 'gaussian' }]) }]),
          },
        }),
    ],
    [
      '100,000 parts',
      () => saying({ reconstruction: { name: 'composite', parts: many(100_000, [1, { name: 'gaussian' }]) } }),
    ],
    ['a million parts', () => saying({ reconstruction: { name: 'composite', parts: many(1_000_000, 0) } })],
    [
      'a part of 10¹⁵ columns',
      () => saying({ reconstruction: { name: 'composite', parts: [[1e15, { name: 'gaussian' }]] } }),
    ],
    ['a million components', () => saying({ prior: { name: 'mixture', components: 1e6 } })],
    ['10¹⁵ components', () => saying({ prior: { name: 'vamp', components: 1e15 } })],
    ['a transform of 65,536 steps', () => saying({ transform: steps })],
    [
      'a fitted transform of many steps and columns',
      () => saying({}, { transform: { of: steps, columns: many(100_000, []) } }),
    ],
    [
      'a fitted transform of 500,000 columns',
      () => saying({}, { transform: { of: { name: 'standardise' }, columns: many(500_000, [[0, 1]]) } }),
    ],
    [
      '100,000 groups of columns',
      () =>
        saying(
          {},
          {
            transform: {
              of: {
                name: 'perColumn',
                groups: Array.from({ length: 100_000 }, (_, i) => ({
                  columns: [i],
                  transform: { name: 'standardise' },
                })),
              },
              columns: many(100_000, [[0, 1]]),
            },
          },
        ),
    ],
    [
      'a range of a million columns',
      () => saying({}, { range: { low: many(1_000_000, 0), high: many(1_000_000, 1) } }),
    ],
    [
      'a model in a model in a model',
      () =>
        encodeSafetensors(tensors, {
          ...metadata,
          model: 'classifier',
          config: within(
            '{"classes":2,"encoder":{"model":"classifier","learned":{},"config":',
            3000,
            JSON.stringify(config),
            '}}',
          ),
          learned: '{}',
        }),
    ],
    ['text of 300,000 brackets', () => encodeSafetensors(tensors, { ...metadata, config: '['.repeat(300_000) })],
    [
      'a million classes',
      () =>
        encodeSafetensors(tensors, {
          ...metadata,
          model: 'classifier',
          config: JSON.stringify({ encoder: [dense(2)], event: [4], classes: 1e9 }),
          learned: '{}',
        }),
    ],
    [
      'a regressor of 10⁹ outputs',
      () =>
        encodeSafetensors(tensors, {
          ...metadata,
          model: 'regressor',
          config: JSON.stringify({ encoder: [dense(2)], event: [4], outputs: 1e9 }),
          learned: '{}',
        }),
    ],
  ];
  it.each(bombs)('%s: refused at once, with nothing taken', (_name, make) => {
    expect(tryFile({ bytes: make(), damage: false }, files)).toBe('refused');
    // And what comes after is as it was.
    expect(tryFile({ bytes: bytes!, damage: true }, files)).toBe('same');
  });
});

describe('saving', () => {
  const vae = (seed: number): Vae =>
    new Vae({ inputSize: 30, latentSize: 2, encoder: [20], reconstruction: bernoulli(), seed });

  it('of two models to one path at once, 500 times, leaves one of them whole', async () => {
    const path = join(folder, 'both');
    const [a, b] = [vae(1), vae(2)];
    const whole = [a, b].map((model) => Buffer.from(model.toBytes()).toString('base64'));
    for (let i = 0; i < 500; i++) {
      await Promise.all([a.save(path), b.save(path)]);
      if (i % 25 === 0) expect(whole).toContain(readFileSync(path).toString('base64'));
    }
    expect(await loadModel(path)).toBeInstanceOf(Vae);
    expect(readdirSync(folder)).toEqual(['both']);
    rmSync(path);
  });

  it('by two processes at once leaves one of them whole', async () => {
    const path = join(folder, 'processes');
    const index = fileURLToPath(new URL('../index.ts', import.meta.url));
    const child = (seed: number): Promise<[number | null, string]> => {
      const code = `
        import { Vae, bernoulli } from ${JSON.stringify(index)};
        const vae = new Vae({ inputSize: 30, latentSize: 2, encoder: [20], reconstruction: bernoulli(), seed: ${seed} });
        for (let i = 0; i < 50; i++) await vae.save(${JSON.stringify(path)});
      `;
      const process_ = spawn(
        process.execPath,
        ['--import', 'tsx', '--conditions=source', '--input-type=module', '-e', code],
        {
          cwd: fileURLToPath(new URL('../../../../', import.meta.url)),
          stdio: ['ignore', 'ignore', 'pipe'],
        },
      );
      return new Promise((resolve) => {
        let errors = '';
        process_.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
        process_.on('close', (code) => resolve([code, errors]));
      });
    };
    expect(await Promise.all([child(1), child(2)])).toEqual([
      [0, ''],
      [0, ''],
    ]);
    const copy = (await loadModel(path)) as Vae;
    const states = [vae(1), vae(2)].map((model) => JSON.stringify(model.parameters().map((p) => [...p.data])));
    expect(states).toContain(JSON.stringify(copy.parameters().map((p) => [...p.data])));
    expect(readdirSync(folder)).toEqual(['processes']);
    expect(statSync(path).mode & 0o600).toBe(0o600);
  }, 120_000);

  it('and loading say what is wrong with paths', async () => {
    await expect(vae(1).save('')).rejects.toThrow('save: the path must be text, got');
    await expect(vae(1).save(join(folder, 'no', 'where'))).rejects.toThrow('there is no such folder');
    await expect(Vae.load(5 as never)).rejects.toThrow('load: the path must be text, got 5');
    await expect(Vae.load(folder)).rejects.toThrow('it is a folder');
  });
});

describe('files of others', () => {
  /** As other programs write them: half precision, integers and names of their own. */
  function foreign(entries: Record<string, [dtype: string, shape: number[], data: ArrayBufferView]>): Uint8Array {
    const header: Record<string, object> = {};
    const parts: Uint8Array[] = [];
    let at = 0;
    for (const [name, [dtype, shape, data]] of Object.entries(entries)) {
      header[name] = { dtype, shape, data_offsets: [at, at + data.byteLength] };
      parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      at += data.byteLength;
    }
    const json = new TextEncoder().encode(JSON.stringify(header));
    const file = new Uint8Array(8 + json.length + at);
    new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
    file.set(json, 8);
    let position = 8 + json.length;
    for (const part of parts) {
      file.set(part, position);
      position += part.length;
    }
    return file;
  }

  it('point to loadStateDict, which takes their numbers in by other names', () => {
    const halves = Uint16Array.of(0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600, 0x4700, 0x4800);
    const file = foreign({
      'net.fc1.weight': ['F16', [2, 4], halves],
      'net.fc1.bias': ['BF16', [2], Uint16Array.of(0x3f80, 0xbf80)],
      'net.out.weight': ['I64', [4, 2], BigInt64Array.of(1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n)],
      'net.out.bias': ['F32', [4], Float32Array.of(1, 2, 3, 4)],
      steps: ['I32', [], Int32Array.of(1000)],
    });
    for (const read of [() => Vae.fromBytes(file), () => modelFromBytes(file), () => Autoencoder.fromBytes(file)]) {
      expect(read).toThrow(
        /the file holds tensors and no model; take them over by name with model\.loadStateDict\(decodeSafetensors\(bytes\)\.tensors, \{ rename \}\)$/,
      );
    }
    const model = new Autoencoder({ inputSize: 4, encoder: [2], tied: false });
    const names: Record<string, string> = { 'net.fc1': 'encoder.0', 'net.out': 'head' };
    model.loadStateDict(decodeSafetensors(file).tensors, {
      rename: (name) => (name === 'steps' ? null : name.replace(/^net\.\w+/, (part) => names[part]!)),
    });
    const state = model.stateDict();
    expect(state['encoder.0.weight']?.toArray()).toEqual([
      [1, 2, 3, 4],
      [5, 6, 7, 8],
    ]);
    expect(state['encoder.0.bias']?.toArray()).toEqual([1, -1]);
    expect(state['head.weight']?.toArray()).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
      [7, 8],
    ]);
    expect(state['head.weight']?.dtype).toBe('f32');
  });

  it('of an older version, of another format and of nothing at all are told apart', () => {
    const texts = { config: '{}', learned: '{}', model: 'vae' };
    const x = { x: tensor([1]) };
    const cases: [Record<string, string>, string][] = [
      [
        { ...texts, format: 'latent-vae', version: '2' },
        'the file has format latent-vae, expected format latent of version 3',
      ],
      [{ ...texts, format: 'latent', version: '2' }, 'the file has version 2, expected format latent of version 3'],
      [{ ...texts, format: 'pt' }, 'the file has format pt, expected format latent of version 3'],
      [{ format: 'latent', version: '3', model: 'vae' }, "the file's config is not an object; the file is altered"],
      [
        { ...texts, format: 'latent', version: '3', config: '[]' },
        "the file's config is not an object; the file is altered",
      ],
      [{ ...texts, format: 'latent', version: '3', model: 'vea' }, "expected a file of the model 'vae', got 'vea'"],
      [{ format: 'latent', version: '3', config: '{}', learned: '{}' }, "expected a file of the model 'vae', got ''"],
    ];
    for (const [metadata, message] of cases) {
      expect(() => Vae.fromBytes(encodeSafetensors(x, metadata))).toThrow(`Vae.fromBytes: ${message}`);
    }
    expect(() =>
      modelFromBytes(encodeSafetensors(x, { ...texts, format: 'latent', version: '3', model: 'vea' })),
    ).toThrow("loadModel: there is no model 'vea'; did you mean 'vae'?");
    for (const nothing of [new Uint8Array(0), null, 'path', {}, [1, 2, 3]]) {
      expect(() => Vae.fromBytes(nothing as never)).toThrow(LatentError);
    }
  });

  it('come as buffers of any kind', () => {
    const model = new Vae({ inputSize: 3, latentSize: 1, reconstruction: gaussian() });
    const bytes = model.toBytes();
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
    shared.set(bytes);
    for (const form of [
      bytes,
      bytes.buffer,
      Buffer.from(bytes),
      shifted.subarray(3),
      shared,
      new DataView(bytes.buffer),
    ]) {
      expect(Vae.fromBytes(form as Uint8Array).stateDict()['head.weight']?.data).toEqual(
        model.stateDict()['head.weight']?.data,
      );
    }
  });
});

describe('what was learned', () => {
  it('goes with the encoder of a classifier, and from there to the next', async () => {
    const rows = new Rng(1)
      .normal([40, 3])
      .mul(tensor([1, 100, 1e4]))
      .toArray() as number[][];
    const encoder = new Vae({
      inputSize: 3,
      latentSize: 2,
      encoder: [4],
      reconstruction: gaussian(),
      transform: standardise(),
    });
    // Made before the encoder learned its scales: they are the classifier's all the same.
    const classifier = new Classifier({ encoder, classes: 2 });
    await encoder.fit(rows, { epochs: 2, onWarning: () => {} });
    expect(classifier.transform).toBe(encoder.transform);
    await classifier.fit(
      rows,
      rows.map(([x]) => (x! > 0 ? 1 : 0)),
      { epochs: 3, onWarning: () => {} },
    );
    expect(classifier.transform).toBe(encoder.transform);
    const copy = Classifier.fromBytes(classifier.toBytes());
    expect(copy.predictProbability(rows).data).toEqual(classifier.predictProbability(rows).data);
    expect((copy.encoder as unknown as Vae).encode(rows).mean.data).toEqual(encoder.encode(rows).mean.data);
  });
});
