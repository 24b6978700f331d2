import { elboObjective } from './elbo.ts';
import { iwaeObjective } from './iwae.ts';
import { objectives } from './objective.ts';

// The objectives that files know.
objectives.register(elboObjective, iwaeObjective);
