import { layers, transforms } from '@latent/nn';
import { opTable } from '@latent/tensor';
import { samples } from '@latent/tensor/samples';
import * as vaePackage from '@latent/vae';
import { likelihoods, Model, type ModelClass, posteriors, priors } from '@latent/vae';
import { describe, expect, it } from 'vitest';
import { allCases } from '../test/all-cases.ts';
import { difference } from '../test/cases.ts';
import { run } from '../test/interpreter.ts';
import { LAYERS } from '../test/layer-cases.ts';
import { TRANSFORMS } from '../test/model-cases.ts';
import { LIKELIHOODS, POSTERIORS, PRIORS } from '../test/vae-cases.ts';
import { modelRules } from './index.ts';

const made = await Promise.all(Object.entries(allCases).map(async ([group, cases]) => [group, await cases()] as const));

describe('what is exported', () => {
  it('is all that is registered', () => {
    expect(Object.keys(samples)).toEqual(expect.arrayContaining(Object.keys(opTable)));
    expect(Object.keys(LAYERS).sort()).toEqual([...layers.names()].sort());
    expect(Object.keys(LIKELIHOODS).sort()).toEqual([...likelihoods.names()].sort());
    expect(Object.keys(TRANSFORMS).sort()).toEqual([...transforms.names()].sort());
    expect(Object.keys(POSTERIORS).sort()).toEqual([...posteriors.names()].sort());
    expect(Object.keys(PRIORS).sort()).toEqual([...priors.names()].sort());
  });

  it('is every model, each of its graphs in a case', () => {
    const classes = Object.values(vaePackage).filter(
      (value): value is ModelClass<Model> & typeof value =>
        typeof value === 'function' && value.prototype instanceof Model && Object.hasOwn(value, 'modelName'),
    );
    const graphs = [...new Set(classes.map(({ modelName }) => modelName))].flatMap((model) => {
      const rules = modelRules.get(model);
      expect(rules, `a rule for the model '${model}'`).toBeDefined();
      return Object.keys(rules ?? {}).map((graph) => `${model} ${graph}`);
    });
    const tried = new Set<string>();
    for (const { model } of made.flatMap(([, cases]) => cases)) {
      const of = (key: string) => model.metadataProps?.find((entry) => entry.key === key)?.value;
      tried.add(`${of('model')} ${of('graph')}`);
    }
    expect(graphs.filter((graph) => !tried.has(graph))).toEqual([]);
  });

  it.each(made)('computes the same: %s', (_group, cases) => {
    const wrong = cases.flatMap(({ name, model, inputs, expected }) => {
      const off = difference(expected, run(model, inputs));
      return off === null ? [] : [`${name}: ${off}`];
    });
    expect(wrong).toEqual([]);
  });
});
