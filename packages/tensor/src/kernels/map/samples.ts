import type { KernelSample, KernelSamples } from '../samples.ts';
import { COLUMN, FULL, ROW, SCALAR } from './layout.ts';
import { type MapCall, mapKernel } from './map.ts';
import { mapProgram } from './map-program.ts';

const MIX = mapProgram('mix', 3, (a, b, c) => a.mul(b).add(c).tanh());
const TWO = mapProgram('two', 2, (a, b) => [a.add(b), a.sub(b).exp()]);
const MANY = mapProgram('many', 12, (...x) => x.reduce((sum, v) => sum.add(v)));

const sizes = [
  [1, 0],
  [0, 5],
  [1, 1],
  [3, 3],
  [2, 4],
  [1, 17],
  [7, 333],
  [37, 53],
] as const;

const of = (name: string, more: Pick<MapCall, 'program' | 'layouts'>): KernelSample<MapCall>[] =>
  sizes.map(([rows, cols]) => ({
    name: `${name} [${rows}, ${cols}]`,
    call: { kernel: mapKernel, dtype: 'f32', rows, cols, ...more },
    tolerance: 1e-6,
    extremes: true,
  }));

export const mapSamples = [
  ...of('flat', { program: MIX, layouts: [FULL, SCALAR, FULL] }),
  ...of('mixed', { program: MIX, layouts: [FULL, ROW, COLUMN] }),
  ...of('two outputs', { program: TWO, layouts: [FULL, COLUMN] }),
  ...of('twelve inputs', { program: MANY, layouts: new Array(12).fill(FULL) }),
] as unknown as KernelSamples<MapCall>;
