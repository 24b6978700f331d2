import { bernoulli, Classifier, DenoisingAutoencoder, masking } from '@latent/vae';
import { PIXELS } from '../../demo/digits.ts';
import { digits, type Example, pick } from './example.ts';

/**
 * Layers pretrained on all images, without labels, then a classifier tuned with few labels, beside one that starts from
 * random weights. You should see pretraining help most with 100 labels, and less with 1000.
 */
export const stacked: Example = async (setting) => {
  const { train, test } = digits(setting);
  const options = {
    inputSize: PIXELS,
    encoder: [300, 150],
    activation: 'sigmoid',
    corruption: masking(0.25),
    reconstruction: bernoulli(),
    seed: 2,
  } as const;
  const findings: Record<string, number> = {};
  const pretrained = new DenoisingAutoencoder(options);
  await pretrained.pretrain(train.images, { epochs: setting.quick ? 1 : 15 });
  const start = pretrained.stateDict();
  for (const labelled of setting.quick ? [100] : [100, 1000]) {
    const few = pick(train, (_, i) => i % Math.max(1, Math.floor(train.labels.length / labelled)) === 0);
    for (const kind of ['pretrained', 'random'] as const) {
      const encoder = new DenoisingAutoencoder(options);
      if (kind === 'pretrained') encoder.loadStateDict(start);
      const classifier = new Classifier({ encoder, inputSize: PIXELS, features: 150, classes: 10, seed: 3 });
      await classifier.fit(few.images, few.labels, {
        epochs: setting.quick ? 5 : 60,
        batchSize: 20,
        learningRate: 1e-3,
      });
      const right = classifier.predict(test.images).filter((digit, i) => digit === test.labels[i]).length;
      findings[`${kind}${labelled}`] = right / test.labels.length;
      setting.say(`${few.labels.length} labels, ${kind}: ${((100 * right) / test.labels.length).toFixed(1)} % right`);
    }
  }
  return findings;
};
