import { Rng, type Shape } from '@latent/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { layers } from '../../index.ts';
import { mirrored, network, shapesOf } from '../../network/network.ts';
import { activation } from '../activation.ts';
import { dense } from '../dense.ts';
import { dropout2d } from '../dropout2d.ts';
import type { LayerSpec } from '../layer-spec.ts';
import { batchNorm } from '../normalization/batch-norm.ts';
import { groupNorm } from '../normalization/group-norm.ts';
import { rmsNorm } from '../normalization/rms-norm.ts';
import { conv1d, conv2d, convTranspose1d, convTranspose2d, depthwiseConv2d, separableConv2d } from './conv-layers.ts';
import { avgPool, globalAvgPool, maxPool } from './pool.ts';
import { residual } from './residual.ts';
import { crop, pad, pixelShuffle, pixelUnshuffle, upsample } from './resize.ts';
import { squeezeExcitation } from './squeeze-excitation.ts';

const rng = new Rng(1);
const place = { caller: 'test', path: 'layer' };

const table: readonly (readonly [spec: LayerSpec, input: Shape, output: Shape])[] = [
  [conv1d(5), [9, 2], [7, 5]],
  [conv1d(5, { kernel: 7, stride: 2, padding: 'same', dropout: 0.1 }), [9, 2], [5, 5]],
  [conv2d(4), [7, 6, 3], [5, 4, 4]],
  [conv2d(4, { kernel: [1, 2], stride: [2, 3], padding: [[0, 1], 2], dilation: 2, bias: false }), [7, 6, 3], [4, 3, 4]],
  [conv2d(6, { groups: 3, padding: 'same', norm: groupNorm(3), activation: 'tanh' }), [7, 6, 3], [7, 6, 6]],
  [conv2d(6, { padding: 2, paddingMode: 'reflect' }), [7, 6, 3], [9, 8, 6]],
  [convTranspose1d(4, { stride: 3 }), [5, 2], [15, 4]],
  [convTranspose2d(4, { stride: 2, padding: 1, outputPadding: 1, norm: batchNorm() }), [5, 3, 2], [10, 6, 4]],
  [convTranspose2d(4, { stride: 2, padding: 'same', groups: 2, dropout: 0.2 }), [5, 3, 2], [10, 6, 4]],
  [depthwiseConv2d({ padding: 1, multiplier: 2 }), [5, 3, 2], [5, 3, 4]],
  [separableConv2d(7, { stride: 2, multiplier: 3 }), [5, 7, 2], [2, 3, 7]],
  [maxPool(2), [5, 7, 3], [2, 3, 3]],
  [maxPool(3, { stride: 2, padding: 1, ceil: true, dilation: 1 }), [8, 3], [5, 3]],
  [avgPool([2, 3], { padding: 'same' }), [5, 7, 3], [3, 3, 3]],
  [avgPool(2, { countPadding: true, padding: 1 }), [5, 3], [3, 3]],
  [globalAvgPool(), [5, 7, 3], [3]],
  [upsample(), [5, 7, 3], [10, 14, 3]],
  [upsample({ size: [4, 9], mode: 'bilinear' }), [5, 7, 3], [4, 9, 3]],
  [upsample({ factor: 3 }), [5, 3], [15, 3]],
  [pixelShuffle(2), [3, 2, 8], [6, 4, 2]],
  [pixelUnshuffle(2), [6, 4, 2], [3, 2, 8]],
  [pad(1), [3, 2, 4], [5, 4, 4]],
  [
    pad(
      [
        [1, 2],
        [0, 3],
      ],
      { value: 5 },
    ),
    [3, 2, 4],
    [6, 5, 4],
  ],
  [pad([[1, 2]], { mode: 'circular' }), [3, 4], [6, 4]],
  [
    crop([
      [1, 0],
      [0, 1],
    ]),
    [3, 2, 4],
    [2, 1, 4],
  ],
  [batchNorm({ momentum: null }), [3, 2, 4], [3, 2, 4]],
  [groupNorm(2), [3, 2, 4], [3, 2, 4]],
  [rmsNorm(), [4], [4]],
  [dropout2d(0.3), [3, 2, 4], [3, 2, 4]],
  [squeezeExcitation({ reduction: 2 }), [3, 2, 4], [3, 2, 4]],
  [residual([conv2d(4, { padding: 'same' })]), [3, 2, 4], [3, 2, 4]],
  [residual([conv2d(6, { padding: 'same' }), activation('relu')], { activation: 'relu' }), [3, 2, 4], [3, 2, 6]],
  [
    residual([conv2d(6, { stride: 2, padding: 1 })], {
      shortcut: [avgPool(2, { ceil: true }), conv2d(6, { kernel: 1 })],
    }),
    [5, 4, 4],
    [3, 2, 6],
  ],
];

describe.each(table.map((row) => [`${row[0].name} on [${row[1].join(', ')}]`, ...row] as const))(
  '%s',
  (_name, spec, input, output) => {
    it('makes the shape that it says, in training and not', () => {
      expect(spec.outShape(input)).toEqual(output);
      const layer = network([spec], { input, rng });
      for (const mode of ['train', 'eval'] as const) {
        layer[mode]();
        expect(layer.forward(rng.normal([3, ...input])).shape).toEqual([3, ...output]);
      }
    });

    it('comes back from its description', () => {
      const again = layers.resolve(JSON.parse(JSON.stringify(spec.config())), place);
      expect(again.config()).toEqual(spec.config());
      expect(again.outShape(input)).toEqual(output);
    });

    it('has a mirror image that gives the shape back', () => {
      const back = shapesOf('mirror', spec.mirror(input), output).at(-1);
      expect(back).toEqual(spec.mirror(input).length === 0 ? output : input);
      if (spec.mirror(input).length === 0) expect(output).toEqual(input);
      const layer = network(spec.mirror(input), { input: output, rng });
      expect(layer.forward(rng.normal([2, ...output])).shape).toEqual([2, ...(back ?? [])]);
    });
  },
);

describe('a mirrored convolution', () => {
  const small = fc.integer({ min: 1, max: 4 });
  const axis = fc.record({
    size: fc.integer({ min: 1, max: 17 }),
    kernel: small,
    stride: small,
    dilation: fc.integer({ min: 1, max: 3 }),
    before: fc.integer({ min: 0, max: 3 }),
    after: fc.integer({ min: 0, max: 3 }),
  });

  it('gives any size back, of pictures and with a head', () => {
    fc.assert(
      fc.property(axis, axis, fc.constantFrom('same', 'valid', 'given'), (h, w, kind) => {
        const both = (get: (of: typeof h) => number): [number, number] => [get(h), get(w)];
        const padding =
          kind === 'given'
            ? ([
                [h.before, h.after],
                [w.before, w.after],
              ] as const)
            : (kind as 'same' | 'valid');
        const spec = conv2d(3, {
          kernel: both((a) => a.kernel),
          stride: both((a) => a.stride),
          dilation: both((a) => a.dilation),
          padding,
        });
        const input = [h.size, w.size, 2];
        let output: Shape;
        try {
          output = spec.outShape(input);
        } catch {
          fc.pre(false);
          return;
        }
        expect(shapesOf('mirror', spec.mirror(input), output).at(-1)).toEqual(input);
        const head = spec.head?.(input, 3)[0];
        expect(head?.outShape(output)).toEqual([h.size, w.size, 6]);
        expect(
          network([...spec.mirror(input)], { input: output, rng }).forward(rng.normal([1, ...output])).shape,
        ).toEqual([1, ...input]);
        // And the way back of the way back.
        const [transposed] = spec.mirror(input) as [LayerSpec];
        expect(shapesOf('mirror', transposed.mirror(output), input).at(-1)).toEqual(output);
      }),
      { numRuns: 200, seed: 3, endOnFailure: true },
    );
  });

  it('has the options of the convolution, and a head without activation', () => {
    const spec = conv2d(8, { stride: 2, activation: 'tanh', norm: groupNorm(1), dropout: 0.1, bias: false });
    expect(spec.mirror([9, 9, 2])[0]?.config()).toMatchObject({
      name: 'convTranspose2d',
      features: 2,
      activation: 'tanh',
      norm: { name: 'groupNorm', groups: 1 },
      dropout: 0.1,
      bias: false,
    });
    const head = spec.head?.([9, 9, 2], 1)[0]?.config();
    expect(head).toMatchObject({ activation: 'identity', dropout: 0 });
    expect(head).not.toHaveProperty('norm');
    // What has no activation of its own has one on the way back: the model's.
    expect(conv2d(8, { activation: 'identity' }).mirror([9, 9, 2])[0]?.config()).not.toHaveProperty('activation');
  });

  it('is what decoders are made of', () => {
    const encoder = [batchNorm(), conv2d(8, { stride: 2 }), maxPool(2), conv2d(12), dense(5)];
    const names = (count?: number): string[] =>
      mirrored(encoder, [28, 28, 1], count === undefined ? {} : { count }).map(({ name }) => name);
    // What keeps the shape is passed by; the first convolution is undone by the head.
    expect(names()).toEqual(['dense', 'reshape', 'convTranspose2d', 'upsample']);
    expect(names(2)).toEqual(['dense', 'reshape', 'convTranspose2d', 'upsample', 'convTranspose2d']);
    const back = mirrored(encoder, [28, 28, 2], { event: [28, 28, 1], count: 2 });
    expect(shapesOf('decoder', back, [5])).toEqual([[5], [192], [4, 4, 12], [6, 6, 8], [13, 13, 8], [28, 28, 2]]);
  });
});

describe('layers refuse', () => {
  const cases: [string, () => unknown, string][] = [
    [
      'rows without channels',
      () => conv2d(3).outShape([28, 28]),
      'expected rows [height, width, channels], got [28, 28]; for one channel put reshape([28, 28, 1]) before it',
    ],
    [
      'lines of pixels',
      () => conv2d(3).outShape([784]),
      'expected rows [height, width, channels], got [784]; rows need this shape: give it as `event`, or put reshape([height, width, channels]) before it',
    ],
    [
      'rows of one axis',
      () => maxPool(2).outShape([9]),
      'expected rows [length, channels] or [height, width, channels], got [9]',
    ],
    [
      'groups that do not divide',
      () => conv2d(3, { groups: 2 }).outShape([5, 5, 4]),
      '3 features do not divide into 2 groups',
    ],
    [
      'too large kernels',
      () => conv2d(3, { kernel: 6 }).outShape([5, 5, 4]),
      'conv2d: the input 5×5 is smaller than the kernel 6×6',
    ],
    [
      'unknown options',
      () => conv2d(3, { strides: 2 } as never),
      "conv2d: there is no option 'strides'; did you mean 'stride'?",
    ],
    ['no features', () => conv2d(0), 'conv2d: features must be a whole number ≥ 1, got 0'],
    [
      'norms that are none',
      () => conv2d(3, { norm: 'batch' as never }),
      'conv2d: norm must be a layer such as batchNorm()',
    ],
    [
      'padding modes that are none',
      () => conv2d(3, { paddingMode: 'mirror' as never }),
      "conv2d: paddingMode must be one of 'zeros', 'reflect'",
    ],
    ['factor and size at once', () => upsample({ factor: 2, size: 3 }), 'upsample: give factor or size, not both'],
    ['value and mode at once', () => pad(1, { value: 2, mode: 'reflect' }), 'pad: give value or mode, not both'],
    [
      'mirror images past the edge',
      () => pad(3, { mode: 'reflect' }).outShape([3, 9, 1]),
      "pad: 'reflect' can add at most 2 to a size of 3, got 3 and 3",
    ],
    ['sides of other axes', () => pad([[1, 1]]).outShape([3, 9, 1]), 'pad: sides of 1 axes for rows [3, 9, 1]'],
    ['a crop of everything', () => crop(2).outShape([4, 9, 1]), 'crop: nothing is left of rows [4, 9, 1]'],
    [
      'channels that make no pixels',
      () => pixelShuffle(2).outShape([4, 4, 6]),
      'pixelShuffle: expected rows [height, width, channels·4], got [4, 4, 6]',
    ],
    ['groups of a norm', () => groupNorm(3).outShape([4, 4, 8]), 'GroupNorm: 8 channels do not divide into 3 groups'],
    [
      'a body that changes the sizes',
      () => residual([conv2d(8, { stride: 2 })]).outShape([9, 9, 8]),
      'the body makes [4, 4, 8] of [9, 9, 8], but what is added to it is [9, 9, 8]; give a shortcut',
    ],
    [
      'output padding that cannot be undone',
      () => convTranspose2d(2, { dilation: 3, outputPadding: 2 }).mirror([4, 4, 2]),
      'outputPadding 2 beyond the stride 1 has no mirror image; give the decoder',
    ],
  ];
  it.each(cases)('%s', (_name, make, message) => {
    expect(make).toThrow(message);
  });
});
