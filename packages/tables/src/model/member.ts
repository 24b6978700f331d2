import { mixturePrior, standardNormalPrior } from '@latent/vae';
import type { RowCode } from '../encode/row-code.ts';
import { hidingObjective, tableObjectives } from './hiding.ts';
import type { Recipe } from './recipe.ts';
import { TableVae } from './table-vae.ts';

/** The i-th member for rows of this code, before it has learned. */
export function makeMember(code: RowCode, recipe: Recipe, seed: number, i: number): TableVae {
  // Where members are apart, the first reads rows with hidden columns.
  const hide = recipe.apart && recipe.members > 1 && i > 0 ? 0 : recipe.hide;
  const owner = Array.from(code.owner);
  const vae = new TableVae({
    inputSize: code.width,
    latentSize: recipe.latentSize,
    encoder: [...recipe.hidden],
    activation: recipe.activation,
    missing: true,
    reconstruction: code.likelihood(recipe.minStd),
    objective: tableObjectives.resolve(
      {
        name: hidingObjective.name,
        beta: recipe.beta,
        weights: owner.map((_, i) => (i < code.numbers ? recipe.numberWeight : 1)),
        owner,
        hide,
      },
      { caller: 'TableModel', path: 'objective' },
    ),
    prior: recipe.components > 0 ? mixturePrior({ components: recipe.components }) : standardNormalPrior(),
    seed: seed + i,
  });
  describe(vae, code, recipe);
  return vae;
}

/** Tells a model how its rows belong to columns. */
function describe(vae: TableVae, code: RowCode, recipe: Recipe): void {
  vae.describeRows(code.owner, code.columns.length, code.numbers, recipe.minStd);
}
