import { crc32 } from '@latent/nn';
import { matmul, Rng, type Tensor, tensor } from '@latent/tensor';

/** How a machine computes: what two that train together must have in common. */
export interface Arithmetic {
  /** A checksum over the bits of some hundred results. */
  readonly bits: string;
  /** Whether a product and its sum are rounded once. */
  readonly fused: boolean;
}

/**
 * Tries this machine's kernels: products, elementary functions, reductions and draws, in both precisions. Machines that give the
 * same bits here are taken to give the same bits in training.
 */
export function measureArithmetic(): Arithmetic {
  const rng = new Rng(20_261_121);
  const [a, b] = [rng.normal([33, 47]), rng.normal([47, 29])];
  const grid = tensor(Float32Array.from({ length: 257 }, (_, i) => (i - 128) / 8));
  const positive = grid.abs().add(1e-3);
  const results: Tensor[] = [
    matmul(a, b),
    matmul(a.cast('f64'), b.cast('f64')),
    grid.exp(),
    grid.tanh(),
    grid.sigmoid(),
    grid.softplus(),
    positive.log(),
    positive.sqrt(),
    grid.cast('f64').tanh(),
    grid.cast('f64').exp(),
    a.sum({ axis: 0 }),
    a.sum({ axis: 1 }),
    rng.uniform([64]),
    rng.exponential([64]),
  ];
  const sum = results.reduce(
    (crc, { data }) => crc32(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), crc),
    0,
  );
  return { bits: sum.toString(16).padStart(8, '0'), fused: fusedProducts() };
}

/** (1 + 2⁻¹²)² = 1 + 2⁻¹¹ + 2⁻²⁴, whose last term single precision loses where the product is rounded by itself. */
function fusedProducts(): boolean {
  const x = 1 + 2 ** -12;
  const rows = (values: readonly number[]): Tensor => tensor(Float32Array.from(values), { shape: [1, 2] });
  const column = tensor(Float32Array.of(1 + 2 ** -11, x), { shape: [2, 1] });
  return matmul(rows([-1, x]), column).item() !== 0;
}

/** Why a worker with arithmetic `own` cannot work on a run that was begun with `other`. */
export function arithmeticDiffers(own: Arithmetic, other: Arithmetic): string {
  const words = ({ fused, bits }: Arithmetic): string =>
    `${fused ? 'with' : 'without'} fused multiply-add (results ${bits})`;
  const remedy =
    own.fused !== other.fused
      ? 'start all workers with deterministic: true (latent-worker --deterministic)'
      : 'run all workers on the same version of Node and of Latent';
  return `this worker computes ${words(own)}, but the run was begun ${words(other)}, so its results would have other bits; ${remedy}`;
}
