import { readFileSync } from 'node:fs';
import { parameter } from '@latent/autograd';
import { Rng, type Shape, sum, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { conv2d, network } from '../../index.ts';
import { type Layer, Module } from '../../module/module.ts';
import { BatchNorm, batchNorm } from '../normalization/batch-norm.ts';
import { GroupNorm } from '../normalization/group-norm.ts';
import { RmsNorm } from '../normalization/rms-norm.ts';
import { separableConv2d } from './conv-layers.ts';
import { Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d } from './convolution.ts';
import { AvgPool, MaxPool } from './pool.ts';
import { residual } from './residual.ts';
import { PixelShuffle, Upsample } from './resize.ts';
import { SqueezeExcitation } from './squeeze-excitation.ts';

// What PyTorch makes of the same weights and inputs: bench/peers/golden_images.py.

interface Numbers {
  readonly shape: number[];
  readonly data: number[];
}
type Named = Readonly<Record<string, Numbers>>;
interface Case {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: options of many layers
  readonly options: any;
  readonly training: boolean;
  readonly state: Named;
  readonly x: Numbers;
  readonly y: Numbers;
  readonly gradients: Named;
  readonly after?: Named;
}

const cases = JSON.parse(readFileSync(new URL('./golden.json', import.meta.url), 'utf8')) as readonly Case[];
const rng = new Rng(1);
const filled = ({ data, shape }: Numbers): Tensor => tensor(data, { shape });

/** PyTorch's options of convolutions and poolings in our words. */
function translated({ options }: Case): Record<string, unknown> {
  const words: Record<string, string> = {
    padding_mode: 'paddingMode',
    output_padding: 'outputPadding',
    ceil_mode: 'ceil',
    count_include_pad: 'countPadding',
    eps: 'epsilon',
  };
  const left = ['channels', 'features', 'kernel_size', 'size'];
  return Object.fromEntries(
    Object.entries(options)
      .filter(([name]) => !left.includes(name))
      .map(([name, value]) => [words[name] ?? name, value]),
  );
}

const BUILD: Record<string, (of: Case) => Layer> = {
  Conv1d: (of) => new Conv1d(of.options.channels, of.options.features, { rng, ...translated(of) } as never),
  Conv2d: (of) => new Conv2d(of.options.channels, of.options.features, { rng, ...translated(of) } as never),
  ConvTranspose1d: (of) =>
    new ConvTranspose1d(of.options.channels, of.options.features, { rng, ...translated(of) } as never),
  ConvTranspose2d: (of) =>
    new ConvTranspose2d(of.options.channels, of.options.features, { rng, ...translated(of) } as never),
  MaxPool1d: (of) => new MaxPool(of.options.kernel_size, translated(of)),
  MaxPool2d: (of) => new MaxPool(of.options.kernel_size, translated(of)),
  AvgPool1d: (of) => new AvgPool(of.options.kernel_size, translated(of)),
  AvgPool2d: (of) => new AvgPool(of.options.kernel_size, translated(of)),
  Upsample: (of) => new Upsample(of.options),
  PixelShuffle: (of) => new PixelShuffle(of.options.factor),
  PixelUnshuffle: (of) => new PixelShuffle(of.options.factor, { inverse: true }),
  BatchNorm1d: (of) => new BatchNorm(of.options.size, translated(of)),
  BatchNorm2d: (of) => new BatchNorm(of.options.size, translated(of)),
  GroupNorm: (of) => new GroupNorm(of.options.size[0], of.options.size[1]),
  RmsNorm: (of) => new RmsNorm(of.options.size),
  SqueezeExcitation: (of) => new SqueezeExcitation(of.options.channels, { rng, reduction: of.options.reduction }),
};

/** Layers of networks that are several modules: their tensors in PyTorch's order. */
const COMPOSED: Record<string, (of: Case) => Layer> = {
  Residual: ({ options: { features } }) =>
    network(
      [
        residual(
          [conv2d(features, { stride: 2, padding: 1, bias: false, norm: batchNorm(), activation: 'identity' })],
          { shortcut: [conv2d(features, { kernel: 1, stride: 2 })], activation: 'relu' },
        ),
      ],
      { input: [5, 4, 2], rng },
    ),
  Separable: ({ options: { features, multiplier } }) =>
    network([separableConv2d(features, { padding: 1, multiplier, activation: 'identity' })], {
      input: [3, 4, 2],
      rng,
    }),
};

function expectClose(got: Tensor | null | undefined, { data, shape }: Numbers, what: string): void {
  expect(got?.shape, what).toEqual(shape);
  const values = got?.data ?? [];
  const scale = Math.max(1, ...data.map(Math.abs));
  for (const [i, want] of data.entries()) {
    if (!(Math.abs((values[i] as number) - want) <= 2e-5 * scale)) {
      expect({ what, at: i, value: values[i] }).toEqual({ what, at: i, value: want });
    }
  }
}

/** The loss that the gradients are of. */
function weighted(y: Tensor): Tensor {
  const factors = Float32Array.from({ length: y.size }, (_, i) => Math.sin(i + 1));
  return sum(y.mul(tensor(factors, { shape: y.shape as Shape })));
}

describe.each(cases.map((of, i) => [`${i}: ${of.name} ${JSON.stringify(of.options)}`, of] as const))(
  '%s',
  (_name, of) => {
    const composed = Object.hasOwn(COMPOSED, of.name);
    const layer = ((composed ? COMPOSED : BUILD)[of.name] as (of: Case) => Layer)(of);
    /** Our names of tensors by PyTorch's. */
    const names = composed
      ? new Map(Object.keys(of.state).map((theirs, i) => [theirs, layer.namedTensors()[i]?.[0] as string]))
      : new Map(Object.keys(of.state).map((name) => [name, name]));

    it('takes PyTorch’s weights, and gives what it gives', () => {
      expect(layer).toBeInstanceOf(Module);
      layer.loadStateDict(Object.fromEntries(Object.entries(of.state).map(([name, value]) => [name, filled(value)])), {
        rename: (name) => names.get(name) ?? null,
      });
      if (of.training) layer.train();
      else layer.eval();
      const x = parameter(filled(of.x));
      const y = layer.forward(x);
      expectClose(y, of.y, 'y');
      weighted(y).backward();
      expectClose(x.grad, of.gradients.x as Numbers, 'gradient to x');
      const own = new Map(layer.namedParameters());
      for (const [name, gradient] of Object.entries(of.gradients)) {
        if (name !== 'x') expectClose(own.get(names.get(name) as string)?.grad, gradient, `gradient to ${name}`);
      }
      const tensors = new Map(layer.namedTensors());
      for (const [name, value] of Object.entries(of.after ?? {})) {
        expectClose(tensors.get(names.get(name) as string), value, name);
      }
    });
  },
);
