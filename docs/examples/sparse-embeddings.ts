import { dense } from '@latent/nn';
import type { Tensor } from '@latent/tensor';
import { Autoencoder, SparseAutoencoder } from '@latent/vae';
import { image, PIXELS } from '../../demo/digits.ts';
import { sheet } from '../../demo/sheet.ts';
import { type Example, ranked } from './example.ts';
import { FASHION_CLASSES, fashion } from './fashion.ts';

/** Numbers of an embedding, latents, and how many of them an image may use. */
const [WIDTH, LATENTS, ACTIVE] = [64, 256, 4];

/**
 * A TopK sparse autoencoder (Gao et al. 2024) on embeddings of Fashion images: the codes of an autoencoder that learned without labels.
 * You should see four of 256 latents explain nine tenths of an embedding, few latents dead, images with most of a latent more
 * often of one class than those with most of a number of the embedding, and what single latents stand for.
 */
export const sparseEmbeddings: Example = async (setting) => {
  const { quick, say } = setting;
  const { train, test } = fashion(setting);
  // Images that a latent is judged by: those that have most of it.
  const judges = quick ? 5 : 20;
  const network = new Autoencoder({
    inputSize: PIXELS,
    encoder: [256, dense(WIDTH, { activation: 'identity' })],
    seed: 1,
  });
  await network.fit(train.images, {
    ...{ epochs: quick ? 4 : 15, batchSize: 100, learningRate: 1e-3 },
    // That pixels at the edge vary little is as it should be.
    onWarning: () => {},
  });
  const [known, fresh] = [network.encode(train.images), network.encode(test.images)];

  const model = new SparseAutoencoder({
    inputSize: WIDTH,
    features: quick ? 128 : LATENTS,
    active: ACTIVE,
    deadAfter: 2 * train.labels.length,
    seed: 1,
  });
  await model.fit(known, { epochs: quick ? 20 : 30, batchSize: 128, learningRate: 1e-3 });
  const { unexplained, unused } = model.featureUse(known);
  const explained = 1 - model.featureUse(fresh).unexplained;
  say(
    `${ACTIVE} latents of ${model.directions().shape[0]} explain ${percent(1 - unexplained)} of the variance of embeddings of ${WIDTH} numbers, and ${percent(explained)} of test images'; ${unused} latents are dead`,
  );

  // How often the images with most of a latent are of one class: latents that enough test images have, beside the numbers themselves.
  const amounts = columnsOf(model.encode(fresh));
  const classesOf = (chosen: readonly number[]): number[] => {
    const counts = new Array<number>(10).fill(0);
    for (const i of chosen) counts[test.labels[i] as number]!++;
    return counts;
  };
  const judged = (values: Float32Array): Latent => {
    const top = ranked(values).reverse().slice(0, judges);
    const counts = classesOf(top);
    const most = Math.max(...counts);
    return {
      top,
      purity: most / judges,
      kind: counts.indexOf(most),
      share: values.filter((value) => value > 0).length / values.length,
    };
  };
  const latents = amounts.flatMap((values, latent): (Latent & { readonly latent: number })[] => {
    const enough = values.filter((value) => value > 0).length >= judges;
    return enough ? [{ ...judged(values), latent }] : [];
  });
  const mean = (of: readonly Latent[]): number => of.reduce((sum, { purity }) => sum + purity, 0) / of.length;
  const ofNumbers = columnsOf(fresh).map(judged);
  say(
    `of the ${judges} images with most of a latent ${percent(mean(latents))} are of one class, with most of a number of the embedding ${percent(mean(ofNumbers))}`,
  );

  // Of each class its purest latent, and of those as pure the one that most images have.
  const chosen = FASHION_CLASSES.flatMap((_name, kind) =>
    latents
      .filter((latent) => latent.kind === kind)
      .sort((a, b) => b.purity - a.purity || b.share - a.share)
      .slice(0, 1),
  );
  for (const { latent, kind, purity, share } of chosen) {
    say(
      `  latent ${latent}: ${FASHION_CLASSES[kind]} (${percent(purity)} of its ${judges}), in ${percent(share)} of the images`,
    );
  }
  sheet(
    chosen.flatMap(({ top }) => top.slice(0, 12).map((i) => image(test, i))),
    12,
  ).write(setting.path('sparse-embeddings.png'));
  say('sparse-embeddings.png: a line for each of these latents, the test images that have most of it');
  return { explained, latents: mean(latents), numbers: mean(ofNumbers), dead: unused };
};

/** What the images with most of a latent are. */
interface Latent {
  /** Their numbers, most first. */
  readonly top: readonly number[];
  /** The commonest class among them, and its share. */
  readonly kind: number;
  readonly purity: number;
  /** Of all images, those that have any of it. */
  readonly share: number;
}

function columnsOf(x: Tensor): Float32Array[] {
  const [rows = 0, width = 0] = x.shape;
  const values = x.data;
  return Array.from({ length: width }, (_, c) =>
    Float32Array.from({ length: rows }, (_, r) => values[r * width + c] as number),
  );
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
