import { noGrad } from '@latent/autograd';
import { Activation, type ActivationName, activationNames } from '@latent/nn';
import { tensor } from '@latent/tensor';

/** Where functions are compared: close to 0, at the kinks, and where they have become straight. */
const POINTS = Float64Array.from([
  ...Array.from({ length: 41 }, (_, i) => (i - 20) / 4),
  ...[
    -60, -17.3, -8.1, -3.001, -2.999, -1.001, -0.999, -1e-3, -1e-6, 1e-6, 1e-3, 0.999, 1.001, 2.999, 3.001, 8.1, 17.3,
    60,
  ],
]);

/** The points as plain numbers. */
export const points: readonly number[] = [...POINTS];

/** Functions of single precision are alike up to here, relative to max(1, |value|). */
const ALIKE = 2e-6;

/** The activation that has these values at `points`; null where none does. */
export function activationOf(values: readonly number[]): ActivationName | null {
  const known = noGrad(() =>
    activationNames.find((name) => {
      const own = new Activation(name).forward(tensor(POINTS)).data;
      return values.every((value, i) => {
        const want = own[i] as number;
        return Math.abs(value - want) <= ALIKE * Math.max(1, Math.abs(want));
      });
    }),
  );
  return known ?? null;
}
