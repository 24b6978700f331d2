// `npm run bench:words`: a character model of English words and a VAE of them, here and on PyTorch, with the same words, networks,
// optimizer and epochs, for several seeds.
import { createRequire } from 'node:module';
import {
  adam,
  type Batch,
  characters,
  Embedding,
  embedding,
  fit,
  Linear,
  Lstm,
  lstm,
  Module,
  type Parts,
  parseRows,
  SequenceDataset,
  type Trainable,
  tokenRows,
} from '@latent/nn';
import { concat, less, Rng, step, type Tensor, tensor, useThreads, zeros } from '@latent/tensor';
import { elbo, tokens, Vae } from '@latent/vae';
import { asked, besidePytorch } from './seeds.ts';

const HELP = `usage: npm run bench:words -- [--only lm|vae] [--epochs 10] [--seeds 3]`;

/** Sizes of both models. Ends count as characters. */
const sizes = {
  width: 32,
  units: 128,
  encoder: 64,
  latent: 16,
  freeBits: 0.4,
  steps: 16,
  batch: 64,
  rate: 3e-3,
  clip: 5,
};
const [TRAIN, TEST] = [20_000, 2000];

const letters = characters('abcdefghijklmnopqrstuvwxyz');

/** A recurrent language model: p(next character | those before). */
class LanguageModel extends Module implements Trainable {
  readonly embedding: Embedding;
  readonly lstm: Lstm;
  readonly head: Linear;

  constructor(rng: Rng) {
    super();
    this.embedding = new Embedding(letters.size, sizes.width, { rng });
    this.lstm = new Lstm(sizes.width, sizes.units, { rng, returnSequences: true });
    this.head = new Linear(sizes.units, letters.size, { rng });
  }

  override get type(): string {
    return 'LanguageModel';
  }

  /** −log p of each row [rows], in nats; rows begin after an end. */
  nats(x: Tensor, lengths: Tensor): Tensor {
    const [rows = 0, steps = 1] = x.shape;
    const before = concat([zeros([rows, 1]), x.slice([null, [0, steps - 1]])], 1);
    const logits = this.head.forward(this.lstm.forward(this.embedding.forward(before)));
    const logProb = tokens(letters.size).logProbPerColumn?.(x, logits.reshape([rows, steps * letters.size])) as Tensor;
    const inside = less(tensor(Array.from({ length: steps }, (_, t) => t)), lengths.reshape([rows, 1]));
    return logProb.mul(inside).sum({ axis: 1 }).neg();
  }

  parts({ x, lengths }: Batch): Parts {
    return { loss: this.nats(x as Tensor, lengths as Tensor).mean() };
  }
}

/** Bits per character of test words. */
type Train = (train: readonly string[], test: readonly string[], epochs: number, seed: number) => Promise<number>;

const models: Readonly<Record<'lm' | 'vae', { readonly name: string; readonly train: Train }>> = {
  lm: {
    name: `language model, LSTM ${sizes.units}`,
    async train(train, test, epochs, seed) {
      const model = new LanguageModel(new Rng(seed));
      const rowsOf = (words: readonly string[]) => {
        const rows = parseRows('words', tokenRows('words', words, letters), [sizes.steps], { ragged: true });
        return new SequenceDataset(rows, { shape: [sizes.steps], cut: true, bucketed: false });
      };
      await fit(model, rowsOf(train), {
        ...{ epochs, batchSize: sizes.batch, seed, clipNorm: sizes.clip },
        optimizer: adam({ learningRate: sizes.rate }),
      });
      model.eval();
      let nats = 0;
      const pass = rowsOf(test).pass({ batchSize: 500 });
      for (let batch = pass.next() as Batch | null; batch !== null; batch = pass.next() as Batch | null) {
        const { x, lengths } = batch;
        nats += step(() => model.nats(x as Tensor, lengths as Tensor).sum()).item();
      }
      return bits(nats, test);
    },
  },
  vae: {
    name: `VAE, bidirectional LSTM ${sizes.encoder}, code ${sizes.latent}, LSTM ${sizes.units}, by the bound`,
    async train(train, test, epochs, seed) {
      const vae = new Vae({
        // Batches of words of any lengths, as PyTorch's are.
        sequence: { steps: sizes.steps, tokenizer: letters, previous: { width: sizes.width }, bucketed: false },
        latentSize: sizes.latent,
        encoder: [embedding(letters.size, sizes.width), lstm(sizes.encoder, { bidirectional: true })],
        decoder: [lstm(sizes.units, { returnSequences: true })],
        reconstruction: tokens(letters.size),
        objective: elbo({ freeBits: sizes.freeBits }),
        seed,
      });
      await vae.fit(train, {
        ...{ epochs, batchSize: sizes.batch, clipNorm: sizes.clip },
        optimizer: adam({ learningRate: sizes.rate }),
      });
      return bits(-vae.elbo(test, { samples: 4, seed }).elbo.sum().item(), test);
    },
  },
};

function bits(nats: number, words: readonly string[]): number {
  return nats / Math.LN2 / words.reduce((sum, word) => sum + word.length + 1, 0);
}

/** Words of up to 15 letters, drawn once: the same for both. */
function loadWords(): { readonly train: readonly string[]; readonly test: readonly string[] } {
  const all = createRequire(import.meta.url)('an-array-of-english-words') as readonly string[];
  const words = all.filter((word) => /^[a-z]{1,15}$/.test(word));
  const drawn = Array.from(new Rng(1).permutation(words.length).subarray(0, TRAIN + TEST), (i) => words[i] as string);
  return { train: drawn.slice(TEST), test: drawn.slice(0, TEST) };
}

const options = asked(HELP);
if (options !== null) {
  const { only, ...rest } = options;
  useThreads(1);
  const words = loadWords();
  for (const task of ['lm', 'vae'] as const) {
    if (only !== '' && task !== only) continue;
    console.log(`\n${models[task].name}: ${TRAIN} words, ${rest.epochs} epochs, bits per character of ${TEST} others`);
    const ours = (seed: number): Promise<number> => models[task].train(words.train, words.test, rest.epochs, seed);
    await besidePytorch(ours, ['train_words.py'], { ...words, task, sizes, ...rest });
  }
}
