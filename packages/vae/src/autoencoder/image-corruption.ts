import {
  arange,
  avgPool1d,
  avgPool2d,
  conv1d,
  conv2d,
  formatShape,
  interpolate,
  mul,
  optional,
  pad,
  type Rng,
  real,
  ShapeError,
  type Tensor,
  tensor,
  where,
  whole,
} from '@latent/tensor';
import { type Corruption, corruptions } from './corruption.ts';

/** Height and width of images [rows, height, width, channels], or the length of series [rows, steps, channels]. */
function placesOf(corruption: string, { shape }: Tensor): readonly number[] {
  if (shape.length === 3 || shape.length === 4) return shape.slice(1, -1);
  throw new ShapeError(
    `${corruption}: expected rows of [height, width, channels] or [steps, channels], got ${formatShape(shape.slice(1))}; give the model the shape of its rows, as event: [28, 28, 1]`,
  );
}

const occlusionChecks = {
  size: /* @__PURE__ */ whole({ min: 1 }),
  value: /* @__PURE__ */ optional(/* @__PURE__ */ real(), 0),
};
const occlusionPart = /* @__PURE__ */ corruptions.known('occlusion', {
  options: occlusionChecks,
  build: ({ size, value }) => ({
    apply(x, rng) {
      const hidden = placesOf('occlusion', x).map((places, axis) => window(x, rng, axis + 1, Math.min(size, places)));
      return where(
        hidden.reduce((a, b) => mul(a, b)),
        value,
        x,
      );
    },
  }),
});

/** 1 where a run of `count` places along an axis lies, anywhere with the same probability, for each row by itself. */
function window(x: Tensor, rng: Rng, axis: number, count: number): Tensor {
  const places = x.shape[axis] as number;
  const along = (length: number, at: number): number[] => x.shape.map((_, d) => (d === at ? length : 1));
  // Of a number s the whole ones in (s, s + count] are `count`, and the first is as likely each of those that may be first.
  const before = rng
    .uniform(along(x.shape[0] as number, 0), { dtype: x.dtype })
    .mul(places - count + 1)
    .sub(1);
  const at = arange(0, places, 1, { dtype: x.dtype }).reshape(along(places, axis));
  return mul(at.greater(before), at.lessEqual(before.add(count)));
}

/**
 * Hides a square of `size`×`size` pixels of each image (of series a run of `size` steps) behind `value` (0), at a place of its
 * own: what an autoencoder that fills gaps is trained on (Pathak et al. 2016).
 */
export function occlusion(size: number, options: { readonly value?: number } = {}): Corruption {
  return occlusionPart.with({ size }, options);
}

const blurChecks = { std: /* @__PURE__ */ real({ above: 0, max: 100 }) };
const blurPart = /* @__PURE__ */ corruptions.known('blur', {
  options: blurChecks,
  build({ std }) {
    const radius = Math.ceil(3 * std);
    const bell = Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-0.5 * ((i - radius) / std) ** 2));
    const total = bell.reduce((a, b) => a + b);
    const kernel = bell.map((value) => value / total);
    return {
      apply(x) {
        const places = placesOf('blur', x);
        const channels = x.shape.at(-1) as number;
        const weights = Array.from({ length: channels }, () => kernel).flat();
        const weight = (shape: readonly number[]): Tensor =>
          tensor(weights, { shape: [channels, 1, ...shape], dtype: x.dtype });
        const sides = x.shape.map((_, d) =>
          d > 0 && d <= places.length ? ([radius, radius] as const) : ([0, 0] as const),
        );
        const wide = pad(x, sides, 'replicate');
        const { length } = kernel;
        if (places.length === 1) return conv1d(wide, weight([length]), null, { groups: channels });
        return conv2d(conv2d(wide, weight([length, 1]), null, { groups: channels }), weight([1, length]), null, {
          groups: channels,
        });
      },
    };
  },
});

/** A normal blur of so many pixels; beyond its edges an image goes on as it ends. */
export function blur(std: number): Corruption {
  return blurPart.make({ std });
}

const lowResolutionChecks = { factor: /* @__PURE__ */ whole({ min: 1 }) };
const lowResolutionPart = /* @__PURE__ */ corruptions.known('lowResolution', {
  options: lowResolutionChecks,
  build: ({ factor }) => ({
    apply(x) {
      const places = placesOf('lowResolution', x);
      const sizes = places.map((size) => Math.min(size, factor));
      const small = (places.length === 1 ? avgPool1d : avgPool2d)(x, sizes, { padding: 'same' });
      return interpolate(small, places, { mode: 'bilinear' });
    },
  }),
});

/** An image `factor` times as small, each pixel the mean of those that it stands for, enlarged again linearly (super-resolution). */
export function lowResolution(factor: number): Corruption {
  return lowResolutionPart.make({ factor });
}
