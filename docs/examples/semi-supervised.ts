import { Rng } from '@latent/tensor';
import { bernoulli, Classifier, conditionalPrior, SemiSupervisedVae } from '@latent/vae';
import { type Digits, PIXELS } from '../../demo/digits.ts';
import { sheet } from '../../demo/sheet.ts';
import { binarised, digits, type Example, rowsOf } from './example.ts';

/**
 * The model M2 of Kingma et al. (2014) on digits of which few have a label, as many of each class, beside the same classifier
 * trained on the labelled digits alone. You should see what the rows without labels add; twelve epochs are few for this model.
 */
export const semiSupervised: Example = async (setting) => {
  const { train, test } = digits(setting);
  const [rows, held] = [binarised(train.images, 1), binarised(test.images, 2)];
  const findings: Record<string, number> = {};
  const accuracy = (predicted: readonly number[]): number =>
    predicted.filter((label, i) => label === test.labels[i]).length / predicted.length;
  const table: readonly (readonly [labels: number, seeds: number])[] = setting.quick
    ? [[100, 1]]
    : [
        [100, 3],
        [1000, 1],
      ];
  for (const [count, seeds] of table) {
    const results: { readonly alone: number; readonly m2: number }[] = [];
    for (let seed = 0; seed < seeds; seed++) {
      const known = balanced(train, count, seed);
      const labels = Array.from(train.labels, (label, i) => (known.has(i) ? label : null));
      const chosen = [...known];
      const alone = new Classifier({ inputSize: PIXELS, encoder: [128], activation: 'softplus', classes: 10, seed });
      await alone.fit(
        chosen.map((i) => rows.subarray(i * PIXELS, (i + 1) * PIXELS)),
        chosen.map((i) => train.labels[i] as number),
        { epochs: setting.quick ? 10 : 100, batchSize: 50 },
      );
      const m2 = new SemiSupervisedVae({
        inputSize: PIXELS,
        latentSize: 10,
        encoder: [128],
        activation: 'softplus',
        classes: 10,
        reconstruction: bernoulli(),
        // Each class a place of its own among the codes: else codes say the class, and the decoder need not look at it.
        prior: conditionalPrior(),
        seed,
      });
      await m2.fit(rows, labels, { epochs: setting.quick ? 3 : 12, batchSize: 100, learningRate: 2e-3 });
      results.push({ alone: accuracy(alone.predict(held)), m2: accuracy(m2.predict(held)) });
      const last = results.at(-1) as (typeof results)[number];
      setting.say(
        `${count} labels, seed ${seed}: classifier alone ${percent(last.alone)}, M2 ${percent(last.m2)} right`,
      );
      if (count === 100 && seed === 0) {
        const labels = Array.from({ length: 80 }, (_, i) => i % 10);
        const drawn = m2.vae.sample(80, { condition: labels, seed: 3 });
        sheet(rowsOf(drawn.data), 10).write(setting.path('semi-supervised.png'));
        setting.say('semi-supervised.png: new digits of each class, learned from 100 labels');
      }
    }
    const mean = (of: (result: (typeof results)[number]) => number): number =>
      results.reduce((sum, result) => sum + of(result), 0) / results.length;
    findings[`alone ${count}`] = mean(({ alone }) => alone);
    findings[`m2 ${count}`] = mean(({ m2 }) => m2);
    setting.say(
      `${count} labels, mean of ${seeds}: classifier alone ${percent(mean(({ alone }) => alone))}, M2 ${percent(mean(({ m2 }) => m2))}`,
    );
  }
  return findings;
};

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** The numbers of so many images, as many of each class, drawn at random. */
function balanced({ labels }: Digits, count: number, seed: number): ReadonlySet<number> {
  const left = new Array<number>(10).fill(count / 10);
  const chosen = new Set<number>();
  for (const i of new Rng(seed).permutation(labels.length)) {
    const label = labels[i] as number;
    if ((left[label] as number) === 0) continue;
    (left[label] as number)--;
    chosen.add(i);
  }
  return chosen;
}
