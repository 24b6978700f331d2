// What the tests of the packed packages compile, bundle and run: all of the core in earnest, as a user would call it.
import { parameter } from '@latent/autograd';
import { adam } from '@latent/nn';
import { Rng, tensor, useThreads } from '@latent/tensor';
import { bernoulli, Vae } from '@latent/vae';
import { rocAuc } from '@latent/vae/evaluate';

/** Trains, scores, differentiates, saves (to `file` too, if given) and loads; 'ok', or what was wrong. */
export async function program(file?: string): Promise<string> {
  useThreads(2);
  const rows = new Rng(1).bernoulli([256, 64], { p: 0.2 });
  const vae = new Vae({ inputSize: 64, latentSize: 4, encoder: [96], reconstruction: bernoulli(), seed: 1 });
  const { epochs } = await vae.fit(rows, { epochs: 6, batchSize: 64, optimizer: adam({ learningRate: 1e-2 }) });
  const [first, last] = [epochs[0]?.loss ?? 0, epochs[epochs.length - 1]?.loss ?? Infinity];
  if (!(last < first)) return `the loss does not fall, got ${first} and ${last}`;

  const scores = (model: Vae, of = rows): readonly number[] => [...model.elbo(of).elbo.data];
  const usual = scores(vae);
  const odd = scores(vae, new Rng(2).bernoulli([256, 64], { p: 0.6 }));
  const auc = rocAuc(
    [...usual, ...odd].map((bound) => -bound),
    [...usual.map(() => 0), ...odd.map(() => 1)],
  );
  if (!(auc > 0.99)) return `odd rows do not stand out, got an area of ${auc}`;

  const w = parameter(tensor([3]));
  w.square().sum().backward();
  if (w.grad?.item() !== 6) return `d/dw w² at 3 must be 6, got ${w.grad?.item()}`;

  const loaded = [Vae.fromBytes(vae.toBytes())];
  if (file !== undefined) {
    await vae.save(file);
    loaded.push(await Vae.load(file));
  }
  const same = loaded.every((model) => scores(model).every((bound, row) => bound === usual[row]));
  return same ? 'ok' : 'a loaded model scores otherwise';
}
