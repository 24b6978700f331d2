import { afterAll, describe, expect, it } from 'vitest';
import { apply } from '../eager.ts';
import { convolutionShapes } from '../kernels/convolution/samples.ts';
import { useKernels } from '../kernels/select.ts';
import { compile } from '../program/compile.ts';
import { Rng } from '../random.ts';
import type { Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { useThreads } from '../threads/threads.ts';
import { conv1d, conv2d, convolutionOps, convTranspose2d } from './convolution.ts';
import { mul, relu } from './elementwise.ts';
import { pad, pixelShuffle, pixelUnshuffle } from './layout.ts';
import { avgPool2d, globalAvgPool, maxPool1d, maxPool2d } from './pooling.ts';
import { sum } from './reduce.ts';
import { interpolate } from './resample.ts';

afterAll(() => useThreads('auto'));

const rng = new Rng(1);
const zeros = (...shape: number[]): Tensor => rng.normal(shape).mul(0);

describe('the three products of a convolution', () => {
  it.each(convolutionShapes.filter(([, shape]) => shape.images > 0))('are adjoint: %s', (_name, shape) => {
    const { images, channels, features, groups, ...geometry } = shape;
    const params = { ...geometry, groups };
    const draw = (...sizes: number[]): Tensor => rng.normal(sizes, { dtype: 'f64' });
    const x = draw(images, ...shape.input, channels);
    const w = draw(...shape.kernel, channels / groups, features);
    const u = draw(images, ...shape.output, features);
    const dot = (a: Tensor, b: Tensor): number => sum(mul(a, b)).item();
    const forward = dot(apply(convolutionOps.convolution, [x, w], params), u);
    const toInput = dot(apply(convolutionOps.convolutionTransposed, [u, w], params), x);
    const toWeights = dot(apply(convolutionOps.convolutionWeights, [x, u], params), w);
    const tolerance = 1e-10 * Math.max(1, Math.abs(forward));
    expect(Math.abs(toInput - forward)).toBeLessThan(tolerance);
    expect(Math.abs(toWeights - forward)).toBeLessThan(tolerance);
  });
});

describe('a convolution', () => {
  const x = rng.normal([9, 11, 10, 6]);
  const w = rng.normal([20, 6, 3, 3]);
  const b = rng.normal([20]);
  const options = { stride: 2, padding: 1 } as const;
  const both = (images: Tensor, weight: Tensor, bias: Tensor): Tensor =>
    convTranspose2d(relu(conv2d(images, weight, bias, options)), weight, null, { stride: 2, padding: 1 });

  it('gives an image the same bits alone and among others', () => {
    const all = both(x, w, b);
    for (const i of [0, 4, 8]) {
      expect(both(x.slice([[i, i + 1]]), w, b).data).toEqual(all.slice([[i, i + 1]]).data);
    }
  });

  it('has the same bits recorded, fused and on any number of threads', async () => {
    const images = rng.normal([24, 16, 16, 8]);
    const weight = rng.normal([32, 8, 3, 3]);
    const bias = rng.normal([32]);
    const want = both(images, weight, bias).data;
    const recorded = compile(both);
    for (const threads of [1, 2, 3]) {
      useThreads(threads);
      // Threads start when they are first wanted; until then one does all.
      for (let i = 0; i < 10; i++) {
        const got = recorded(images, weight, bias).data;
        expect(got.every((value, at) => value === want[at])).toBe(true);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  });

  it('of no images is empty', () => {
    expect(conv2d(zeros(0, 5, 5, 2), zeros(3, 2, 3, 3)).shape).toEqual([0, 3, 3, 3]);
    expect(maxPool2d(zeros(0, 5, 5, 2), 2).shape).toEqual([0, 2, 2, 2]);
    expect(interpolate(zeros(0, 5, 5, 2), 10).shape).toEqual([0, 10, 10, 2]);
  });

  it('does without WebAssembly what it does with it', () => {
    const want = both(x, w, b).data;
    useKernels('reference');
    const got = both(x, w, b).data;
    useKernels('auto');
    for (let i = 0; i < want.length; i++) expect(Math.abs(got[i]! - want[i]!)).toBeLessThan(1e-4);
  });

  const refused: [string, () => unknown, string][] = [
    [
      'an input smaller than its kernel',
      () => conv2d(zeros(1, 5, 5, 1), zeros(1, 1, 7, 7)),
      'conv2d: the input 5×5 is smaller than the kernel 7×7',
    ],
    [
      'a dilated kernel',
      () => conv2d(zeros(1, 5, 9, 1), zeros(1, 1, 3, 3), null, { dilation: 3, padding: [[0, 1], 0] }),
      'conv2d: the input 5×9 with 1 of padding is smaller than the dilated kernel 7×7',
    ],
    [
      'channels in the second place',
      () => conv2d(zeros(1, 3, 8, 8), zeros(4, 3, 3, 3)),
      'conv2d: expected 3 channels (weight [4, 3, 3, 3]), got [1, 3, 8, 8]; channels come last here: transpose(x, [0, 2, 3, 1])',
    ],
    [
      'channels that groups do not have',
      () => conv2d(zeros(1, 8, 8, 4), zeros(4, 1, 3, 3), null, { groups: 2 }),
      'conv2d: expected 2 channels (weight [4, 1, 3, 3] in 2 groups), got [1, 8, 8, 4]',
    ],
    [
      'features that do not divide',
      () => conv2d(zeros(1, 8, 8, 4), zeros(5, 2, 3, 3), null, { groups: 2 }),
      'conv2d: 5 features do not divide into 2 groups',
    ],
    [
      'a missing axis',
      () => conv2d(zeros(8, 8, 4), zeros(5, 4, 3, 3)),
      'conv2d: expected x [n, height, width, channels], got [8, 8, 4]',
    ],
    [
      'a weight of other axes',
      () => conv1d(zeros(1, 8, 4), zeros(5, 4, 3, 3)),
      'conv1d: expected a weight [out, in/groups, length], got [5, 4, 3, 3]',
    ],
    [
      'a bias of another size',
      () => conv2d(zeros(1, 8, 8, 1), zeros(2, 1, 3, 3), zeros(3)),
      'conv2d: bias must be [2], got [3]',
    ],
    [
      'an option that is misspelt',
      () => conv2d(zeros(1, 8, 8, 1), zeros(2, 1, 3, 3), null, { strides: 2 } as never),
      "conv2d: there is no option 'strides'; did you mean 'stride'?",
    ],
    [
      'strides of too many axes',
      () => conv1d(zeros(1, 8, 1), zeros(2, 1, 3), null, { stride: [2, 2] }),
      'conv1d: stride must be a number, or 1, one for each axis, got an array of 2',
    ],
    [
      'a padding that is none',
      () => conv2d(zeros(1, 8, 8, 1), zeros(2, 1, 3, 3), null, { padding: 'full' as never }),
      "conv2d: padding must be 'valid', 'same', a number, or for each of 2 axes a number or [before, after], got \"full\"",
    ],
    [
      'output padding past the stride',
      () => convTranspose2d(zeros(1, 4, 4, 1), zeros(1, 2, 3, 3), null, { stride: 2, outputPadding: 2 }),
      'convTranspose2d: outputPadding must be below the stride or the dilation, got 2 at stride 2 and dilation 1',
    ],
    [
      'a transposed one of which nothing is left',
      () => convTranspose2d(zeros(1, 1, 1, 1), zeros(1, 2, 2, 2), null, { padding: 1 }),
      'convTranspose2d: nothing is left of 1×1 stretched to 2 and cropped by 1 + 1',
    ],
    [
      'a pooling window in the padding alone',
      () => maxPool2d(zeros(1, 4, 4, 1), 2, { padding: 2 }),
      'maxPool2d: window 0 lies in the padding alone, at size 4 and padding 2 + 2; use less padding',
    ],
    [
      'a pooling without channels',
      () => maxPool1d(zeros(4, 4), 2),
      'maxPool1d: expected x [n, length, channels], got [4, 4]',
    ],
    [
      'a mirror image past the edge',
      () =>
        pad(
          zeros(2, 3),
          [
            [0, 0],
            [3, 0],
          ],
          'reflect',
        ),
      "pad: at most 2 elements can be added by 'reflect' to axis 1 of size 3, got 3 and 0",
    ],
    [
      'channels that make no blocks',
      () => pixelShuffle(zeros(1, 2, 2, 6), 2),
      'pixelShuffle: expected x [n, height, width, channels·4], got [1, 2, 2, 6]',
    ],
    [
      'an image that makes no blocks',
      () => pixelUnshuffle(zeros(1, 3, 2, 6), 2),
      'pixelUnshuffle: expected x [n, height·2, width·2, channels], got [1, 3, 2, 6]',
    ],
    [
      'a mean over no places',
      () => globalAvgPool(zeros(2, 3)),
      'globalAvgPool: expected x [n, …sizes, channels], got [2, 3]',
    ],
    [
      'a mode that is none',
      () => interpolate(zeros(1, 2, 2, 1), 4, { mode: 'cubic' as never }),
      "interpolate: mode must be one of 'nearest', 'bilinear', got \"cubic\"",
    ],
  ];
  it.each(refused)('refuses %s', (_name, call, message) => {
    expect(call).toThrow(message);
  });
});

describe('max pooling', () => {
  const of = (...values: number[]): Tensor => rng.normal([1]).from(values, [1, values.length, 1]);

  it('takes a NaN for the largest, and nothing for padding', () => {
    expect([...maxPool1d(of(1, NaN, 2, 5, -3, -4), 2).data]).toEqual([NaN, 5, -3]);
    expect([...maxPool1d(of(-5, -6, -7), 3, { stride: 1, padding: 1 }).data]).toEqual([-5, -5, -6]);
    expect([...maxPool1d(of(-Infinity, -Infinity), 2).data]).toEqual([-Infinity]);
  });

  it('of windows past the end takes what is there', () => {
    expect([...maxPool1d(of(1, 2, 3, 4, 5), 2, { ceil: true }).data]).toEqual([2, 4, 5]);
    expect([...maxPool1d(of(1, 2, 3, 4, 5), 2).data]).toEqual([2, 4]);
  });
});

describe('average pooling', () => {
  it('counts padding when it is told to', () => {
    const ones = rng.normal([1]).full([1, 2, 2, 1], 1);
    const options = { stride: 1, padding: 1 } as const;
    expect([...avgPool2d(ones, 2, options).data]).toEqual(new Array(9).fill(1));
    expect([...avgPool2d(ones, 2, { ...options, countPadding: true }).data]).toEqual([
      0.25, 0.5, 0.25, 0.5, 1, 0.5, 0.25, 0.5, 0.25,
    ]);
  });
});

describe('shapes of', () => {
  const shapes: [string, () => Tensor, Shape][] = [
    [
      "'same' at stride 2",
      () => conv2d(zeros(1, 7, 8, 1), zeros(1, 1, 3, 3), null, { stride: 2, padding: 'same' }),
      [1, 4, 4, 1],
    ],
    [
      'a transposed one, same',
      () => convTranspose2d(zeros(1, 7, 7, 1), zeros(1, 3, 3, 3), null, { stride: 2, padding: 'same' }),
      [1, 14, 14, 3],
    ],
    ['bilinear interpolation', () => interpolate(zeros(2, 5, 4), 7, { mode: 'bilinear' }), [2, 7, 4]],
  ];
  it.each(shapes)('%s are right', (_name, make, shape) => {
    expect(make().shape).toEqual(shape);
  });
});
