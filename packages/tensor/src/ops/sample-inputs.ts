import { tensor } from '../create.ts';
import type { DType } from '../dtype.ts';
import { Rng } from '../random.ts';
import { type Shape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import type { Domain, Sample } from './sample.ts';

const MARGIN = 0.01;

/** Numbers for each input of a sample, within its domain and away from its kinks. Exact in f32, whatever the dtype. */
export function sampleInputs(sample: Sample, shapes: readonly Shape[], seed: number, dtype: DType): Tensor[] {
  const rng = new Rng(seed);
  return shapes.map((shape, i) => tensor(draw(rng, domainOf(sample, i), sizeOf(shape)), { shape, dtype }));
}

/** The domain of input i. */
export function domainOf(sample: Sample, i: number): Domain {
  const domains = sample.domain ?? [{ low: -2, high: 2 }];
  return domains[Math.min(i, domains.length - 1)] as Domain;
}

function draw(rng: Rng, { low, high, avoid = [], whole = false }: Domain, size: number): Float32Array {
  const values = rng.uniform([size], { low, high }).data as Float32Array;
  return values.map((value) => {
    if (whole) return Math.round(value);
    const kink = avoid.find((at) => Math.abs(value - at) < MARGIN);
    return kink === undefined ? value : kink + (value < kink ? -MARGIN : MARGIN) * 2;
  });
}
