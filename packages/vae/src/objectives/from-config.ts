import { ValueError } from '@latent/tensor';
import { elbo } from './elbo.ts';
import { iwae } from './iwae.ts';
import type { Objective } from './objective.ts';

/** The objective that `config()` described. */
export function objectiveFromConfig({ name, options }: ReturnType<Objective['config']>): Objective {
  if (name === 'elbo') return elbo(options);
  if (name === 'iwae') return iwae(options);
  throw new ValueError(`load: no objective named '${name}'; known are elbo, iwae`);
}
