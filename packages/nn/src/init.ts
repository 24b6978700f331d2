import { full, type Rng, real, type Shape, sizeOf, type Tensor, tensor, ValueError } from '@latent/tensor';

/** Makes the first values of a weight. Weights are [out, in, …]: fan-in is `in`, fan-out is `out`. */
export type Initializer = (shape: Shape, rng: Rng) => Tensor;

function fans(shape: Shape): { fanIn: number; fanOut: number } {
  const [out, into, ...rest] = shape;
  if (out === undefined || into === undefined)
    throw new ValueError(`init: fan-in and fan-out need a weight of two or more axes, got [${shape.join(', ')}]`);
  const field = sizeOf(rest);
  return { fanIn: into * field, fanOut: out * field };
}

/** Throws unless these are finite numbers. */
function checkNumbers(caller: string, numbers: Readonly<Record<string, number>>): void {
  for (const [path, value] of Object.entries(numbers)) real()(value, { caller, path });
}

/** Uniform on [low, high). */
export function uniformInit(low: number, high: number): Initializer {
  checkNumbers('uniformInit', { low, high });
  return (shape, rng) => rng.uniform(shape, { low, high });
}

/** N(mean, std²). */
export function normalInit(mean = 0, std = 1): Initializer {
  checkNumbers('normalInit', { mean, std });
  return (shape, rng) => rng.normal(shape, { mean, std });
}

/** Normal, drawn again until within two standard deviations of the mean. */
export function truncatedNormal(mean = 0, std = 1): Initializer {
  checkNumbers('truncatedNormal', { mean, std });
  return (shape, rng) => {
    const values = new Float32Array(sizeOf(shape));
    let filled = 0;
    while (filled < values.length) {
      for (const z of rng.normal([Math.max(16, values.length - filled)]).data) {
        if (Math.abs(z) <= 2 && filled < values.length) values[filled++] = mean + std * z;
      }
    }
    return tensor(values, { shape });
  };
}

const uniformOfStd = (std: number): Initializer => uniformInit(-std * Math.sqrt(3), std * Math.sqrt(3));

/** Variance gain²·2/(fanIn + fanOut) (Glorot & Bengio 2010). */
export function xavierUniform(gain = 1): Initializer {
  checkNumbers('xavierUniform', { gain });
  return (shape, rng) => uniformOfStd(gain * Math.sqrt(2 / (fans(shape).fanIn + fans(shape).fanOut)))(shape, rng);
}

/** N(0, gain² · 2 / (fan in + fan out)) (Glorot and Bengio 2010). */
export function xavierNormal(gain = 1): Initializer {
  checkNumbers('xavierNormal', { gain });
  return (shape, rng) => normalInit(0, gain * Math.sqrt(2 / (fans(shape).fanIn + fans(shape).fanOut)))(shape, rng);
}

/** Variance 2/fanIn, for ReLU layers (He et al. 2015). */
export function heUniform(): Initializer {
  return (shape, rng) => uniformOfStd(Math.sqrt(2 / fans(shape).fanIn))(shape, rng);
}

/** N(0, 2 / fan in), for ReLU (He et al. 2015). */
export function heNormal(): Initializer {
  return (shape, rng) => normalInit(0, Math.sqrt(2 / fans(shape).fanIn))(shape, rng);
}

/** Variance 1/fanIn (LeCun et al. 1998); for SELU layers. */
export function lecunUniform(): Initializer {
  return (shape, rng) => uniformOfStd(Math.sqrt(1 / fans(shape).fanIn))(shape, rng);
}

/** N(0, 1 / fan in), for SELU (LeCun et al. 1998, Klambauer et al. 2017). */
export function lecunNormal(): Initializer {
  return (shape, rng) => normalInit(0, Math.sqrt(1 / fans(shape).fanIn))(shape, rng);
}

/**
 * Orthonormal rows (or columns, whichever are fewer) times `gain` (Saxe et al. 2014): Gram–Schmidt, done twice, on
 * normal draws.
 */
export function orthogonal(gain = 1): Initializer {
  checkNumbers('orthogonal', { gain });
  return (shape, rng) => {
    const [rows, ...rest] = shape;
    if (rows === undefined || rest.length === 0)
      throw new ValueError(`orthogonal: needs a weight of two or more axes, got [${shape.join(', ')}]`);
    const cols = sizeOf(rest);
    const [count, length] = [Math.min(rows, cols), Math.max(rows, cols)];
    const draws = rng.normal([count, length]).data;
    const basis = Array.from({ length: count }, (_, i) =>
      Float64Array.from(draws.subarray(i * length, (i + 1) * length)),
    );
    const dot = (a: Float64Array, b: Float64Array): number =>
      a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
    for (const [i, vector] of basis.entries()) {
      for (let pass = 0; pass < 2; pass++) {
        for (const earlier of basis.slice(0, i)) {
          const along = dot(vector, earlier);
          for (let j = 0; j < length; j++) (vector[j] as number) -= along * (earlier[j] as number);
        }
      }
      const norm = Math.sqrt(dot(vector, vector));
      for (let j = 0; j < length; j++) (vector[j] as number) /= norm;
    }
    const at = (r: number, c: number): number => (rows <= cols ? basis[r]?.[c] : basis[c]?.[r]) as number;
    return tensor(
      Float32Array.from({ length: rows * cols }, (_, i) => gain * at(Math.floor(i / cols), i % cols)),
      { shape },
    );
  };
}

/** Every weight is `value`. */
export function constantInit(value: number): Initializer {
  checkNumbers('constantInit', { value });
  return (shape) => full(shape, value);
}

/** Every weight is 0. */
export const zerosInit: Initializer = (shape) => full(shape, 0);
/** Every weight is 1. */
export const onesInit: Initializer = (shape) => full(shape, 1);
