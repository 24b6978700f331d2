import { fillRandom, type RandomKind } from './kernels/random/threefry.ts';
import type { Tensor } from './tensor.ts';

/** Interim. */
export function drawRows(kind: RandomKind, keys: Tensor, samples: number, width: number): Tensor {
  const n = keys.shape[0] as number;
  const k = keys.data;
  const out = new Float32Array(samples * n * width);
  const per = Math.ceil(width / 2);
  for (let s = 0; s < samples; s++)
    for (let r = 0; r < n; r++)
      fillRandom(kind, out, (s * n + r) * width, width, k[2 * r] as number, k[2 * r + 1] as number, s * per, 0);
  return keys.from(out, [samples, n, width]);
}
