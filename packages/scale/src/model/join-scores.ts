import { type Tensor, tensor } from '@latent/tensor';
import type { Scores } from './kind.ts';

/** The scores of rows after rows, name by name. */
export function joinScores(parts: readonly Scores[]): Record<string, Tensor> {
  const all: Record<string, Tensor> = {};
  for (const name of Object.keys(parts[0] ?? {})) {
    const own = parts.map((part) => part[name] as Tensor);
    const double = own.some(({ dtype }) => dtype === 'f64');
    const size = own.reduce((sum, x) => sum + x.size, 0);
    const values = double ? new Float64Array(size) : new Float32Array(size);
    let at = 0;
    for (const x of own) {
      values.set(x.data, at);
      at += x.size;
    }
    const rows = own.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
    all[name] = tensor(values as Float32Array, { shape: [rows, ...(own[0] as Tensor).shape.slice(1)] });
  }
  return all;
}
