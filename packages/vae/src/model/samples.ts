// Test data: files of models, and what damage, other programs and ill will make of them. Only tests and the attack import this.
import { decodeSafetensors, encodeSafetensors, minMax, perColumn, standardise } from '@latent/nn';
import { LatentError, Rng, sizeOf, type Tensor, tensor } from '@latent/tensor';
import { Autoencoder } from '../autoencoder/autoencoder.ts';
import { masking } from '../autoencoder/corruption.ts';
import { DenoisingAutoencoder } from '../autoencoder/denoising.ts';
import { mixturePrior } from '../latent/mixture-prior.ts';
import { vampPrior } from '../latent/vamp-prior.ts';
import { elbo } from '../objectives/elbo.ts';
import { iwae } from '../objectives/iwae.ts';
import { bernoulli } from '../reconstruction/bernoulli.ts';
import { composite } from '../reconstruction/composite.ts';
import { gaussian } from '../reconstruction/gaussian.ts';
import { gaussianMixture } from '../reconstruction/gaussian-mixture.ts';
import { Classifier } from '../supervised/classifier.ts';
import { Regressor } from '../supervised/regressor.ts';
import { Vae } from '../variational/vae.ts';
import { modelFromBytes } from './load.ts';
import type { Model } from './model.ts';

const rows = new Rng(1).uniform([24, 4]).toArray() as number[][];

/** Small files of models of every class, with what files may say in them. */
export async function modelFiles(): Promise<Uint8Array<ArrayBuffer>[]> {
  const run = { epochs: 1, batchSize: 12, onWarning: () => {} };
  const transform = perColumn([
    { columns: [0, 1], transform: standardise() },
    { columns: [3], transform: minMax({ low: -1 }) },
  ]);
  const plain = new Vae({
    inputSize: 4,
    latentSize: 2,
    encoder: [3],
    transform,
    reconstruction: composite([
      [2, gaussian({ variance: 'perColumn' })],
      [1, bernoulli()],
      [1, gaussianMixture({ components: 2 })],
    ]),
    objective: elbo({ beta: 2, warmUp: 3, freeBits: 0.1 }),
  });
  await plain.fit(rows, run);
  const shaped = new Vae({
    event: [2, 2],
    latentSize: 2,
    encoder: [3],
    dropout: 0.1,
    layerNorm: true,
    missing: true,
    reconstruction: bernoulli(),
    prior: vampPrior({ components: 2 }),
    objective: iwae({ samples: 2 }),
  });
  const clustered = new Vae({
    inputSize: 4,
    latentSize: 2,
    reconstruction: gaussian({ variance: 'optimal' }),
    prior: mixturePrior({ components: 2 }),
  });
  const autoencoder = new Autoencoder({
    inputSize: 4,
    encoder: [3, 2],
    sparsity: { kind: 'target', target: 0.1, weight: 1 },
    activation: 'sigmoid',
  });
  const denoising = new DenoisingAutoencoder({
    inputSize: 4,
    encoder: [3],
    tied: false,
    corruption: masking(0.2),
    contractive: { weight: 0.1 },
  });
  const classifier = new Classifier({ encoder: plain, classes: 3, jointly: 0.5 });
  const regressor = new Regressor({
    encoder: [3, 2],
    inputSize: 4,
    outputs: 2,
    transform: standardise(),
    targetTransform: standardise(),
  });
  await regressor.fit(
    rows,
    rows.map(([a, b]) => [a!, b!]),
    run,
  );
  return [plain, shaped, clustered, autoencoder, denoising, classifier, regressor].map((model) => model.toBytes());
}

/** What may stand in a description in place of what belongs there. */
const VALUES: readonly unknown[] = [
  null,
  true,
  '',
  '5',
  'gaussian',
  -1,
  0,
  0.5,
  1,
  1e8,
  1e15,
  2 ** 53,
  1e300,
  -1e300,
  [],
  [1e9],
  [30_000, 30_000],
  {},
  { name: 'gaussian' },
  { name: 'composite', parts: [] },
  { name: 'standardise' },
  { name: 'mixture', components: 1e6 },
  { custom: 'Net' },
  { __proto__: null, constructor: 5 },
  '__proto__',
  [[[]]],
  [null, null],
  Array.from({ length: 2000 }, () => 1),
];

/** A random number generator of whole numbers. */
export type Dice = (sides: number) => number;

export function dice(seed: number): Dice {
  let state = seed >>> 0;
  return (sides) => {
    // Mulberry32.
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % sides;
  };
}

/** All places in a value, as the object or array that holds them and the key. */
function places(value: unknown, into: [holder: Record<string, unknown>, key: string][] = []): typeof into {
  if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      into.push([value as Record<string, unknown>, key]);
      places(inner, into);
    }
  }
  return into;
}

/** A description with one thing in it changed. */
function changedJson(text: string, roll: Dice, others: readonly string[]): string {
  // An earlier change may have made something else of it.
  if (!text.startsWith('{') || !text.endsWith('}')) return text;
  const value = JSON.parse(text) as Record<string, unknown>;
  const all = places(value);
  if (all.length === 0) return JSON.stringify({ ...value, more: VALUES[roll(VALUES.length)] });
  const [holder, key] = all[roll(all.length)]!;
  switch (roll(7)) {
    case 0:
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete holder[key];
      break;
    case 1:
      if (Array.isArray(holder)) holder.push(holder[Number(key)]);
      else holder[`${key}2`] = holder[key];
      break;
    case 2: {
      // Something from elsewhere in this file or another.
      const [from, name] =
        roll(2) === 0 ? all[roll(all.length)]! : pick(places(JSON.parse(others[roll(others.length)]!)), roll);
      holder[key] = structuredClone(from[name]);
      break;
    }
    case 3: {
      const old = holder[key];
      holder[key] = typeof old === 'number' ? [old + 1, -old, old * 1e6, old / 3, String(old)][roll(5)] : [old];
      break;
    }
    case 4: {
      let deep: unknown = holder[key];
      for (let i = roll(40); i >= 0; i--) deep = roll(2) === 0 ? [deep] : { name: 'composite', parts: [[1, deep]] };
      holder[key] = deep;
      break;
    }
    default:
      holder[key] = structuredClone(VALUES[roll(VALUES.length)]);
  }
  return JSON.stringify(value);
}

function pick<T>(of: readonly T[], roll: Dice): T {
  return of[roll(of.length)] as T;
}

/** A file with one or two changes to what it says or holds, and a sound checksum; or with damage to its bytes. */
export function attacked(
  files: readonly Uint8Array[],
  roll: Dice,
): { readonly bytes: Uint8Array; readonly damage: boolean } {
  const file = pick(files, roll);
  if (roll(4) === 0) return { bytes: damaged(file, roll), damage: true };
  const { tensors: given, metadata: texts } = decodeSafetensors(file);
  const tensors: Record<string, Tensor> = { ...given };
  const metadata: Record<string, string> = { ...texts };
  const descriptions = files.map((other) => decodeSafetensors(other).metadata.config ?? '{}');
  for (let changes = 1 + roll(2); changes > 0; changes--) {
    const kind = roll(12);
    if (kind < 6) metadata.config = changedJson(metadata.config ?? '{}', roll, descriptions);
    else if (kind < 8) metadata.learned = changedJson(metadata.learned ?? '{}', roll, descriptions);
    else if (kind === 8) {
      const key = pick(Object.keys(metadata), roll);
      metadata[key] = pick(
        ['', '{}', 'null', '[]', 'vae', 'latent', '3', '{"a":', '['.repeat(3000), texts.config ?? ''],
        roll,
      );
    } else changeTensors(tensors, roll);
  }
  return { bytes: encodeSafetensors(tensors, metadata), damage: false };
}

function changeTensors(tensors: Record<string, Tensor>, roll: Dice): void {
  const name = pick(Object.keys(tensors), roll);
  const x = tensors[name] as Tensor;
  switch (roll(7)) {
    case 0:
      delete tensors[name];
      break;
    case 1:
      tensors[`${name}.more`] = x;
      break;
    case 2:
      tensors[name] = x.reshape([x.size]);
      break;
    case 3:
      tensors[name] = x.cast('f64').add(1e300);
      break;
    case 4:
      tensors[name] = tensor([pick([Number.NaN, Infinity, 0], roll)])
        .broadcastTo(x.shape)
        .clone();
      break;
    case 5:
      tensors[name] = tensor(new Float32Array(0));
      break;
    default:
      tensors[name] = pick(Object.values(tensors), roll);
  }
}

function damaged(file: Uint8Array, roll: Dice): Uint8Array {
  const bytes = file.slice();
  switch (roll(5)) {
    case 0:
      return bytes.subarray(0, roll(bytes.length));
    case 1: {
      const at = roll(bytes.length);
      return Uint8Array.from([
        ...bytes.subarray(0, at),
        ...Array.from({ length: 1 + roll(20) }, () => roll(256)),
        ...bytes.subarray(at),
      ]);
    }
    case 2: {
      const [at, count] = [roll(bytes.length), 1 + roll(50)];
      return Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + count)]);
    }
    case 3:
      for (let i = 1 + roll(8); i > 0; i--) bytes[roll(bytes.length)] = roll(256);
      return bytes;
    default:
      bytes[roll(bytes.length)]! ^= 1 << roll(8);
      return bytes;
  }
}

/** Seconds of work and bytes that reading any file may take. */
const MOST_SECONDS = 2;
const MOST_BYTES = 200 * 2 ** 20;

/**
 * Reads a file as a stranger's program would, and says what became of it: `refused` with a LatentError; the `same` model as one of
 * the files; or an `other` one, whose numbers and description are those of the file. Throws if it is anything else, or takes too
 * much.
 */
export function tryFile(
  { bytes, damage }: { readonly bytes: Uint8Array; readonly damage: boolean },
  files: readonly Uint8Array[],
): 'refused' | 'same' | 'other' {
  const [worked, held] = [process.cpuUsage(), process.memoryUsage().rss];
  const outcome = read(bytes, damage, files);
  const { user, system } = process.cpuUsage(worked);
  if (user + system > MOST_SECONDS * 1e6) throw new Error(`took ${(user + system) / 1e6} seconds`);
  const more = process.memoryUsage().rss - held;
  if (more > MOST_BYTES) throw new Error(`took ${more} bytes`);
  return outcome;
}

function read(bytes: Uint8Array, damage: boolean, files: readonly Uint8Array[]): 'refused' | 'same' | 'other' {
  let model: Model;
  try {
    model = modelFromBytes(bytes);
  } catch (error) {
    if (!(error instanceof LatentError)) throw new Error(`threw what is no LatentError`, { cause: error });
    if (error.message.length > 2000)
      throw new Error(`said too much: ${error.message.length} characters`, { cause: error });
    return 'refused';
  }
  const again = model.toBytes();
  if (files.some((file) => sameBytes(file, again))) return 'same';
  if (damage) throw new Error('a damaged file was read as another model');
  // What was accepted is what the file says, and can be saved, read and asked again.
  const state = model.stateDict();
  const { tensors } = decodeSafetensors(bytes);
  for (const [name, x] of Object.entries(state)) {
    const given = tensors[name]?.data;
    if (given === undefined || x.data.some((value, i) => value !== Math.fround(given[i] as number))) {
      throw new Error(`${name} is not what the file has`);
    }
  }
  if (!sameBytes(modelFromBytes(again).toBytes(), again)) throw new Error('does not come back as it is');
  try {
    if (model instanceof Vae) model.elboPerRow(rowsFor(model));
    else if (model instanceof Autoencoder) model.reconstructionError(rowsFor(model));
    else (model as Classifier | Regressor).predict(rowsFor(model));
  } catch (error) {
    if (!(error instanceof LatentError)) throw new Error(`scoring threw what is no LatentError`, { cause: error });
  }
  return 'other';
}

function rowsFor(model: Model): Float32Array {
  return new Float32Array(2 * sizeOf(model.event)).fill(0.5);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
