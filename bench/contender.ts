import type { ImageWork } from './images.ts';
import type { SequenceWork } from './sequences.ts';

/** A VAE training step: forward, backward and Adam on one batch. */
export interface VaeConfig {
  readonly name: string;
  readonly input: number;
  /** Sizes of the encoder's hidden layers; the decoder mirrors them. */
  readonly hidden: readonly number[];
  readonly latent: number;
  readonly batch: number;
}

export const vaeConfigs: readonly VaeConfig[] = [
  { name: 'vae large 784-512-256-32, batch 128', input: 784, hidden: [512, 256], latent: 32, batch: 128 },
  { name: 'vae demo 784-400-20, batch 128', input: 784, hidden: [400], latent: 20, batch: 128 },
  { name: 'vae small 30-16-8-2, batch 32', input: 30, hidden: [16, 8], latent: 2, batch: 32 },
];

/** A stored m×k times a stored k×n, where `transA` and `transB` say that an operand is stored the other way round. */
export interface MatmulConfig {
  readonly name: string;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transA: boolean;
  readonly transB: boolean;
}

export const matmulConfigs: readonly MatmulConfig[] = [
  { name: 'matmul (128×784)·(784×512)', m: 128, n: 512, k: 784, transA: false, transB: false },
  { name: 'matmul (128×512)·(784×512)ᵀ', m: 128, n: 784, k: 512, transA: false, transB: true },
  { name: 'matmul (128×784)ᵀ·(128×512)', m: 784, n: 512, k: 128, transA: true, transB: false },
  { name: 'matmul 32³', m: 32, n: 32, k: 32, transA: false, transB: false },
  { name: 'matmul 256³', m: 256, n: 256, k: 256, transA: false, transB: false },
  { name: 'matmul 1024³', m: 1024, n: 1024, k: 1024, transA: false, transB: false },
];

/** Over a [128, 784] matrix of numbers from −3 to 3. */
export const elementwiseNames = ['add', 'exp', 'tanh', 'sigmoid', 'softplus', 'sum rows', 'sum columns'] as const;
export type ElementwiseName = (typeof elementwiseNames)[number];
export const ELEMENTWISE_SHAPE = [128, 784] as const;

export interface ElementwiseConfig {
  readonly name: ElementwiseName;
  readonly shape: typeof ELEMENTWISE_SHAPE;
}

/**
 * Does the work once, to the end: results are computed when it returns (or when its promise resolves). It may give back a number
 * that every contestant must come to. Work in another process takes its own time, by the clock or the processor's.
 */
export type Work = (() => unknown) | { timed(repeats: number, byProcessor?: boolean): Promise<Timed> };

/** Milliseconds of one run, of so many, and the number that the last of them came to. */
export interface Timed {
  readonly milliseconds: number;
  readonly value?: number;
}

/** A library under test. Every method prepares its data and gives back the work to be timed. */
export interface Contender {
  readonly name: string;
  matmul(config: MatmulConfig): Promise<Work>;
  elementwise(config: ElementwiseConfig): Promise<Work>;
  vaeStep(config: VaeConfig): Promise<Work>;
  /** The bound of one row, given as ordinary numbers, as a number. */
  scoreRow(config: VaeConfig): Promise<Work>;
  image(work: ImageWork): Promise<Work>;
  sequence(work: SequenceWork): Promise<Work>;
  /** Of its library. */
  readonly version?: string;
  /** Ends what it started. */
  close?(): void;
}

/** The same numbers for everybody. */
export function testData(size: number, low = -1, high = 1): Float32Array {
  let seed = 1;
  return Float32Array.from({ length: size }, () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
    return low + ((seed >>> 8) / 2 ** 24) * (high - low);
  });
}
