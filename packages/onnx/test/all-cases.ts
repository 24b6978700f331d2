import type { Case } from './cases.ts';
import { discreteCases } from './discrete-cases.ts';
import { conditionCases, lengthCases } from './given-cases.ts';
import { layerCases } from './layer-cases.ts';
import { levelCases } from './level-cases.ts';
import { modelCases, rowCases, transformCases } from './model-cases.ts';
import { opCases } from './op-cases.ts';
import { tableCases } from './table-cases.ts';
import { likelihoodCases, posteriorCases, priorCases } from './vae-cases.ts';

/** Every case, by what it is about. */
export const allCases: Readonly<Record<string, () => Case[] | Promise<Case[]>>> = {
  ops: opCases,
  layers: layerCases,
  likelihoods: likelihoodCases,
  priors: priorCases,
  posteriors: posteriorCases,
  transforms: transformCases,
  models: modelCases,
  rows: rowCases,
  conditions: conditionCases,
  lengths: lengthCases,
  'discrete models': discreteCases,
  'levels and masks': levelCases,
  tables: tableCases,
};
