// The program that `npm run pack-test` compiles and bundles in an empty project: it must use all four packages.
import { parameter } from '@latent/autograd';
import { adam } from '@latent/nn';
import { Rng, tensor } from '@latent/tensor';
import { bernoulli, Vae } from '@latent/vae';

const rows = new Rng(1).bernoulli([64, 6]);
const vae = new Vae({ inputSize: 6, latentSize: 2, encoder: [8], reconstruction: bernoulli() });
const { epochs } = await vae.fit(rows, { epochs: 3, batchSize: 16, optimizer: adam({ learningRate: 1e-2 }) });
const w = parameter(tensor([3]));
w.square().sum().backward();

const learns = epochs.length === 3 && (epochs.at(-1)?.loss ?? Infinity) < (epochs.at(0)?.loss ?? 0);
const score = (model: Vae): number => model.elbo(rows).elbo.mean().item();
const same = score(Vae.fromBytes(vae.toBytes())) === score(vae);
console.log(learns && same && w.grad?.item() === 6 ? 'ok' : 'the packages do not work together');
