import { standardise } from '@latent/nn';
import { Rng } from '@latent/tensor';
import { bernoulli, Classifier, conditionalPrior, gaussian, SemiSupervisedVae, Vae } from '@latent/vae';
import { type Digits, PIXELS } from '../../demo/digits.ts';
import { sheet } from '../../demo/sheet.ts';
import { binarised, digits, type Example, rowsOf } from './example.ts';

/** Numbers of a code of M1. */
const CODE = 32;

/**
 * The models M2 and M1 + M2 of Kingma et al. (2014) on digits of which few have a label, as many of each class, beside classifiers that
 * learn from the labelled digits alone. M2 sees pixels; M1 + M2 sees the codes of a VAE that learned from all digits without
 * labels, M1. You should see M1 + M2 more than ten points above the classifier with 100 labels: codes vary with what the digit is
 * and not with single pixels, so the classes are clusters that a few labels name.
 */
export const semiSupervised: Example = async (setting) => {
  const { quick, say } = setting;
  const { train, test } = digits(setting);
  const [rows, held] = [binarised(train.images, 1), binarised(test.images, 2)];
  const m1 = new Vae({
    inputSize: PIXELS,
    latentSize: CODE,
    encoder: [256],
    activation: 'softplus',
    reconstruction: bernoulli(),
    seed: 1,
  });
  await m1.fit(rows, { epochs: quick ? 3 : 30, batchSize: 100, learningRate: 1e-3 });
  const [codes, heldCodes] = [m1.encode(rows).mean.toArray(), m1.encode(held).mean] as [number[][], Codes];
  const accuracy = (predicted: readonly number[]): number =>
    predicted.filter((label, i) => label === test.labels[i]).length / predicted.length;

  /** Each way to learn from these labels: its share of test digits that are right. */
  const learned = async (count: number, seed: number, pixels: boolean): Promise<Record<string, number>> => {
    const known = balanced(train, count, seed);
    const labels = Array.from(train.labels, (label, i) => (known.has(i) ? label : null));
    const chosen = [...known];
    const own = chosen.map((i) => train.labels[i] as number);
    const alone = new Classifier({ inputSize: PIXELS, encoder: [128], activation: 'softplus', classes: 10, seed });
    const run = { epochs: quick ? 10 : 100, batchSize: 50 };
    await alone.fit(
      chosen.map((i) => rows.subarray(i * PIXELS, (i + 1) * PIXELS)),
      own,
      run,
    );
    const onCodes = new Classifier({ inputSize: CODE, encoder: [64], activation: 'softplus', classes: 10, seed });
    await onCodes.fit(
      chosen.map((i) => codes[i] as number[]),
      own,
      run,
    );
    const result: Record<string, number> = {
      classifier: accuracy(alone.predict(held)),
      'classifier of codes': accuracy(onCodes.predict(heldCodes)),
    };
    const common = { activation: 'softplus', encoder: [128], classes: 10, seed } as const;
    if (pixels) {
      const m2 = new SemiSupervisedVae({
        ...{ ...common, inputSize: PIXELS, latentSize: 20, reconstruction: bernoulli(), labelWeight: 1 },
        // Each class a place of its own among the codes: else codes say the class, and the decoder need not look at it.
        prior: conditionalPrior(),
      });
      await m2.fit(rows, labels, { epochs: quick ? 2 : 20, batchSize: 100, learningRate: 3e-3 });
      result.M2 = accuracy(m2.predict(held));
    }
    const both = new SemiSupervisedVae({
      ...{ ...common, inputSize: CODE, latentSize: 16, reconstruction: gaussian(), labelWeight: 3 },
      transform: standardise(),
    });
    await both.fit(codes, labels, { epochs: quick ? 10 : 40, batchSize: 100, learningRate: 4e-3 });
    result['M1 + M2'] = accuracy(both.predict(heldCodes));
    if (count === 100 && seed === 0) {
      const kinds = Array.from({ length: 80 }, (_, i) => i % 10);
      const drawn = m1.decode(both.vae.sample(80, { condition: kinds, seed: 3 }));
      sheet(rowsOf(drawn.data), 10).write(setting.path('semi-supervised.png'));
    }
    return result;
  };

  const findings: Record<string, number> = {};
  const table: readonly (readonly [labels: number, seeds: number])[] = quick
    ? [[100, 1]]
    : [
        [100, 5],
        [1000, 1],
      ];
  for (const [count, seeds] of table) {
    const results: Record<string, number>[] = [];
    for (let seed = 0; seed < seeds; seed++) {
      results.push(await learned(count, seed, !quick && seed === 0));
      const each = Object.entries(results[seed] as Record<string, number>);
      say(`${count} labels, seed ${seed}: ${each.map(([name, share]) => `${name} ${percent(share)}`).join(', ')}`);
    }
    for (const name of ['classifier', 'classifier of codes', 'M1 + M2']) {
      const shares = results.map((result) => result[name] as number);
      const mean = shares.reduce((a, b) => a + b, 0) / seeds;
      const spread = Math.sqrt(shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / Math.max(1, seeds - 1));
      findings[`${name} ${count}`] = mean;
      say(`${count} labels, mean of ${seeds}: ${name} ${percent(mean)} (standard deviation ${percent(spread)})`);
    }
  }
  say('semi-supervised.png: new digits of each class, learned from 100 labels');
  return findings;
};

type Codes = ReturnType<Vae['encode']>['mean'];

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
