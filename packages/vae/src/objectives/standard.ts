import { elboObjective } from './elbo.ts';
import { iwaeObjective } from './iwae.ts';
import { objectives } from './objective.ts';

/** The kind of objectives, with those that files know. */
export const knownObjectives = objectives.register(elboObjective, iwaeObjective);
