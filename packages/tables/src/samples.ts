import { Rng } from '@latent/tensor';

/** A row of a made-up table: weight follows height, the plan decides the price, some cells are holes. */
export interface Person {
  readonly name: string;
  readonly height: number;
  readonly weight: number | null;
  readonly plan: 'free' | 'basic' | 'gold';
  readonly price: number;
  readonly visits: number;
  readonly active: boolean;
  readonly joined: string;
}

/** Rows of a table with every kind of relation that models are to find. */
export function people(n: number, seed = 1): Person[] {
  const rng = new Rng(seed);
  const normal = rng.normal([n, 3]).data;
  const uniform = rng.uniform([n, 5]).data;
  const plans = ['free', 'basic', 'gold'] as const;
  return Array.from({ length: n }, (_, i): Person => {
    const [a, b, c] = [normal[3 * i] as number, normal[3 * i + 1] as number, normal[3 * i + 2] as number];
    const u = (k: number): number => uniform[5 * i + k] as number;
    const plan = plans[u(0) < 0.5 ? 0 : u(0) < 0.85 ? 1 : 2] as Person['plan'];
    const height = Math.round((170 + 10 * a) * 10) / 10;
    const price = plan === 'free' ? 0 : Math.round(100 * (plan === 'basic' ? 10 + b : 30 + 3 * b)) / 100;
    return {
      name: `person ${i} of the made-up table`,
      height,
      weight: u(1) < 0.1 ? null : Math.round((0.9 * height - 85 + 4 * c) * 10) / 10,
      plan,
      price,
      visits: Math.floor(20 * u(2) ** 2 + (plan === 'gold' ? 20 : 0)),
      active: u(3) < (plan === 'free' ? 0.2 : 0.9),
      joined: new Date(Date.UTC(2020, 0, 1) + Math.floor(1000 * u(4)) * 86_400_000).toISOString().slice(0, 10),
    };
  });
}
