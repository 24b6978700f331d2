import {
  type Check,
  checkOptions,
  checkTensor,
  flag,
  formatShape,
  type InterpolateOptions,
  interpolate,
  list,
  oneOf,
  optional,
  type PadMode,
  type PerAxis,
  padModes,
  pad as padTensor,
  perAxis,
  real,
  type Shape,
  ShapeError,
  pixelShuffle as shuffle,
  type Tensor,
  pixelUnshuffle as unshuffle,
  ValueError,
  whole,
} from '@latent/tensor';
import { Module } from '../../module/module.ts';
import { type LayerSpec, layers } from '../layer-spec.ts';
import { anyAxes, placesOf } from './places.ts';

/** [n, …sizes, channels] with other sizes, or so many times as large. */
export class Upsample extends Module {
  readonly size: PerAxis | null;
  readonly factor: PerAxis;
  readonly mode: NonNullable<InterpolateOptions['mode']>;

  constructor(options: UpsampleOptions) {
    super();
    const { size, factor, mode } = checkOptions('Upsample', options, upsampleChecks);
    this.size = size ?? null;
    this.factor = factor ?? 2;
    this.mode = mode;
  }
  override get type(): string {
    return 'Upsample';
  }
  forward(x: Tensor): Tensor {
    checkTensor(this.type, x);
    return interpolate(x, upsampled(x.shape.slice(1, -1), this.size ?? undefined, this.factor), { mode: this.mode });
  }
}

/** Of `upsample` in a network: how many times as large, or to which size. */
export interface UpsampleOptions {
  /** How many times as large; 2 by default. Not beside `size`. */
  readonly factor?: PerAxis;
  /** The sizes that come out. */
  readonly size?: PerAxis;
  /** The nearest place (default), or linearly between places along each axis. */
  readonly mode?: 'nearest' | 'bilinear';
}

function upsampled(sizes: Shape, size: PerAxis | undefined, factor: PerAxis): readonly number[] {
  const every = (value: PerAxis, path: string): readonly number[] =>
    perAxis(sizes.length, 1)(value, { caller: 'upsample', path });
  if (size !== undefined) return every(size, 'size');
  return every(factor, 'factor').map((times, d) => times * (sizes[d] as number));
}

const sizeCheck = /* @__PURE__ */ anyAxes(1);
const upsampleChecks = {
  factor: /* @__PURE__ */ optional(sizeCheck),
  size: /* @__PURE__ */ optional(sizeCheck),
  mode: /* @__PURE__ */ optional(/* @__PURE__ */ oneOf('nearest', 'bilinear'), 'nearest' as const),
};
export const upsampleLayer = /* @__PURE__ */ layers.known('upsample', {
  options: upsampleChecks,
  build({ factor, size, mode }, caller) {
    if (factor !== undefined && size !== undefined) throw new ValueError(`${caller}: give factor or size, not both`);
    return {
      outShape: (input) => [...upsampled(placesOf(input), size, factor ?? 2), input.at(-1) as number],
      build: () => [
        new Upsample({ mode, ...(size !== undefined && { size }), ...(factor !== undefined && { factor }) }),
      ],
      mirror: (input) => [upsample({ size: placesOf(input) })],
    };
  },
});

/**
 * Larger (or smaller) images and series, as a layer of a network: `upsample({ factor: 2 })`. Followed by a convolution it has not
 * the chequered pattern that transposed convolutions leave where the kernel is no multiple of the stride (Odena et al. 2016).
 */
export function upsample(options: UpsampleOptions = {}): LayerSpec {
  return upsampleLayer.make(options);
}

/** Channels as pixels: [n, h, w, channels·r²] → [n, h·r, w·r, channels]; or the opposite. */
export class PixelShuffle extends Module {
  readonly factor: number;
  readonly inverse: boolean;

  constructor(factor: number, options: { readonly inverse?: boolean } = {}) {
    super();
    this.factor = whole({ min: 1 })(factor, { caller: 'PixelShuffle', path: 'factor' });
    this.inverse = checkOptions('PixelShuffle', options, { inverse: optional(flag(), false) }).inverse;
  }
  override get type(): string {
    return this.inverse ? 'PixelUnshuffle' : 'PixelShuffle';
  }
  forward(x: Tensor): Tensor {
    checkTensor(this.type, x);
    return (this.inverse ? unshuffle : shuffle)(x, this.factor);
  }
}

const shuffleChecks = { factor: /* @__PURE__ */ whole({ min: 1 }) };

/** Height, width and channels, of which these must be multiples. */
function divided(name: string, input: Shape, place: number, channels: number): readonly [number, number, number] {
  const [h = 0, w = 0, c = 0] = input;
  if (input.length !== 3 || h % place !== 0 || w % place !== 0 || c % channels !== 0) {
    const times = (n: number): string => (n === 1 ? '' : `·${n}`);
    throw new ShapeError(
      `${name}: expected rows [height${times(place)}, width${times(place)}, channels${times(channels)}], got ${formatShape(input)}`,
    );
  }
  return [h, w, c];
}

export const pixelShuffleLayer = /* @__PURE__ */ layers.known('pixelShuffle', {
  options: shuffleChecks,
  build: ({ factor }) => ({
    outShape(input) {
      const [h, w, c] = divided('pixelShuffle', input, 1, factor ** 2);
      return [h * factor, w * factor, c / factor ** 2];
    },
    build: () => [new PixelShuffle(factor)],
    mirror: () => [pixelUnshuffle(factor)],
  }),
});

/** Channels as pixels, as a layer of a network (Shi et al. 2016): [h, w, channels·r²] → [h·r, w·r, channels]. */
export function pixelShuffle(factor: number): LayerSpec {
  return pixelShuffleLayer.make({ factor });
}

export const pixelUnshuffleLayer = /* @__PURE__ */ layers.known('pixelUnshuffle', {
  options: shuffleChecks,
  build: ({ factor }) => ({
    outShape(input) {
      const [h, w, c] = divided('pixelUnshuffle', input, factor, 1);
      return [h / factor, w / factor, c * factor ** 2];
    },
    build: () => [new PixelShuffle(factor, { inverse: true })],
    mirror: () => [pixelShuffle(factor)],
  }),
});

/** Pixels as channels, as a layer of a network: [h·r, w·r, channels] → [h, w, channels·r²]. */
export function pixelUnshuffle(factor: number): LayerSpec {
  return pixelUnshuffleLayer.make({ factor });
}

/** What is put around [n, …sizes, channels]: [before, after] of each size. */
type Sides = readonly (readonly [before: number, after: number])[];

/** [n, …sizes, channels] with more around. */
export class Pad extends Module {
  readonly sides: Sides;
  readonly value: number | PadMode;

  constructor(sides: Sides, options: PadOptions = {}) {
    super();
    this.sides = eachSideCheck(sides, { caller: 'Pad', path: 'sides' });
    const { value, mode } = checkOptions('Pad', options, padOptionChecks);
    this.value = mode ?? value ?? 0;
  }
  override get type(): string {
    return 'Pad';
  }
  forward(x: Tensor): Tensor {
    checkTensor(this.type, x);
    return padTensor(x, [[0, 0], ...this.sides, [0, 0]], this.value);
  }
}

/** [n, …sizes, channels] with less around. */
export class Crop extends Module {
  readonly sides: Sides;

  constructor(sides: Sides) {
    super();
    this.sides = eachSideCheck(sides, { caller: 'Crop', path: 'sides' });
  }
  override get type(): string {
    return 'Crop';
  }
  forward(x: Tensor): Tensor {
    checkTensor(this.type, x);
    const ends = x.shape.slice(1, -1).map((size, d) => size - (this.sides[d]?.[1] ?? 0));
    return x.slice([null, ...ends.map((end, d) => [this.sides[d]?.[0] ?? 0, end] as const)]);
  }
}

/** Of `pad` in a network: a value, or a mode. */
export interface PadOptions {
  /** What is put there; 0 by default. Not beside `mode`. */
  readonly value?: number;
  /** What is inside, mirrored at the edges, the edge again, or from the other end. */
  readonly mode?: PadMode;
}

/** [before, after] of each size. */
const eachSideCheck: Check<Sides> = (value, at) =>
  list(list(whole({ min: 0 }), { min: 2, max: 2 }), { min: 1, max: 2 })(value, at) as Sides;

/** The same, or a number: both sides of all. */
const sidesCheck: Check<number | Sides> = (value, at) =>
  Array.isArray(value) ? eachSideCheck(value, at) : whole({ min: 0 })(value, at);

function sidesOf(name: string, input: Shape, sides: number | Sides): Sides {
  const places = placesOf(input);
  if (typeof sides === 'number') return places.map(() => [sides, sides]);
  if (sides.length !== places.length) {
    throw new ShapeError(`${name}: sides of ${sides.length} axes for rows ${formatShape(input)}`);
  }
  return sides;
}

const padOptionChecks = {
  value: /* @__PURE__ */ optional(/* @__PURE__ */ real()),
  mode: /* @__PURE__ */ optional<PadMode>((value, at) => oneOf(...padModes)(value, at)),
};
const padChecks = /* @__PURE__ */ Object.assign({}, { sides: sidesCheck }, padOptionChecks);
export const padLayer = /* @__PURE__ */ layers.known('pad', {
  options: padChecks,
  build({ sides, value, mode }, caller) {
    if (value !== undefined && mode !== undefined) throw new ValueError(`${caller}: give value or mode, not both`);
    return {
      outShape(input) {
        const own = sidesOf('pad', input, sides);
        for (const [d, [before, after]] of own.entries()) {
          const size = input[d] as number;
          const most = mode === 'reflect' ? size - 1 : mode === 'circular' ? size : Infinity;
          if (Math.max(before, after) > most) {
            throw new ShapeError(
              `pad: '${mode}' can add at most ${most} to a size of ${size}, got ${before} and ${after}`,
            );
          }
        }
        return [...own.map(([before, after], d) => before + (input[d] as number) + after), input.at(-1) as number];
      },
      build: (input) => [
        new Pad(sidesOf('pad', input, sides), {
          ...(value !== undefined && { value }),
          ...(mode !== undefined && { mode }),
        }),
      ],
      mirror: (input) => [crop(sidesOf('pad', input, sides))],
    };
  },
});

/** More around images and series, as a layer of a network: `pad(1)`, `pad([[0, 1], [0, 1]], { mode: 'reflect' })`. */
export function pad(sides: number | Sides, options: PadOptions = {}): LayerSpec {
  return padLayer.with({ sides }, options);
}

const cropChecks = { sides: sidesCheck };
export const cropLayer = /* @__PURE__ */ layers.known('crop', {
  options: cropChecks,
  build: ({ sides }) => ({
    outShape(input) {
      const left = sidesOf('crop', input, sides).map(([before, after], d) => (input[d] as number) - before - after);
      if (left.some((size) => size < 1)) throw new ShapeError(`crop: nothing is left of rows ${formatShape(input)}`);
      return [...left, input.at(-1) as number];
    },
    build: (input) => [new Crop(sidesOf('crop', input, sides))],
    mirror: (input) => [pad(sidesOf('crop', input, sides))],
  }),
});

/** Less around images and series, as a layer of a network: the opposite of `pad`. */
export function crop(sides: number | Sides): LayerSpec {
  return cropLayer.make({ sides });
}
