import { layers, transforms } from '@latent/nn';
import { opTable } from '@latent/tensor';
import { samples } from '@latent/tensor/samples';
import { conditionalPrior, gaussian, likelihoods, posteriors, priors, standardNormalPrior, Vae } from '@latent/vae';
import { describe, expect, it } from 'vitest';
import { allCases } from '../test/all-cases.ts';
import { difference } from '../test/cases.ts';
import { run } from '../test/interpreter.ts';
import { LAYERS } from '../test/layer-cases.ts';
import { TRANSFORMS } from '../test/model-cases.ts';
import { LIKELIHOODS, POSTERIORS, PRIORS } from '../test/vae-cases.ts';
import { onnxModel } from './export.ts';

describe('what is exported', () => {
  it('is all that is registered', () => {
    expect(Object.keys(samples)).toEqual(expect.arrayContaining(Object.keys(opTable)));
    expect(Object.keys(LAYERS).sort()).toEqual([...layers.names()].sort());
    expect(Object.keys(LIKELIHOODS).sort()).toEqual([...likelihoods.names()].sort());
    expect(Object.keys(TRANSFORMS).sort()).toEqual([...transforms.names()].sort());
    expect(Object.keys(POSTERIORS).sort()).toEqual([...posteriors.names()].sort());
    // A prior of a condition is part of models with one, which need it as an input of the graph and are refused.
    expect([...Object.keys(PRIORS), 'conditional'].sort()).toEqual([...priors.names()].sort());
  });

  it('is not a model that needs the condition of each row: a sentence says so', () => {
    const options = { inputSize: 3, latentSize: 2, reconstruction: gaussian(), condition: { classes: 2 } } as const;
    for (const prior of [standardNormalPrior(), conditionalPrior()]) {
      for (const graph of ['encoder', 'decoder', 'elbo'] as const) {
        expect(() => onnxModel(new Vae({ ...options, prior }), { graph })).toThrow(
          'the model has a condition, which its graphs do not take; export its encoder and its decoder as networks',
        );
      }
    }
  });

  it.each(Object.entries(allCases))('computes the same: %s', async (_group, cases) => {
    const wrong = (await cases()).flatMap(({ name, model, inputs, expected }) => {
      const off = difference(expected, run(model, inputs));
      return off === null ? [] : [`${name}: ${off}`];
    });
    expect(wrong).toEqual([]);
  });
});
