import { layers, transforms } from '@latent/nn';
import { opTable } from '@latent/tensor';
import { samples } from '@latent/tensor/samples';
import { likelihoods, priors } from '@latent/vae';
import { describe, expect, it } from 'vitest';
import { allCases } from '../test/all-cases.ts';
import { difference } from '../test/cases.ts';
import { run } from '../test/interpreter.ts';
import { LAYERS } from '../test/layer-cases.ts';
import { TRANSFORMS } from '../test/model-cases.ts';
import { LIKELIHOODS, PRIORS } from '../test/vae-cases.ts';

describe('what is exported', () => {
  it('is all that is registered', () => {
    expect(Object.keys(samples)).toEqual(expect.arrayContaining(Object.keys(opTable)));
    expect(Object.keys(LAYERS).sort()).toEqual([...layers.names()].sort());
    expect(Object.keys(LIKELIHOODS).sort()).toEqual([...likelihoods.names()].sort());
    expect(Object.keys(TRANSFORMS).sort()).toEqual([...transforms.names()].sort());
    expect(Object.keys(PRIORS).sort()).toEqual([...priors.names()].sort());
  });

  it.each(Object.entries(allCases))('computes the same: %s', async (_group, cases) => {
    const wrong = (await cases()).flatMap(({ name, model, inputs, expected }) => {
      const off = difference(expected, run(model, inputs));
      return off === null ? [] : [`${name}: ${off}`];
    });
    expect(wrong).toEqual([]);
  });
});
