import * as t from '@latent/tensor';
import { Vae, bernoulli, gaussian } from './index.ts';
const rng = new t.Rng(0);
console.log(t.kernels().name);
const small = rng.uniform([3200, 30]).data as Float32Array;
const vae = new Vae({ inputSize: 30, latentSize: 2, encoder: [16, 8], reconstruction: bernoulli() });
console.log(vae.summary());
for (let r = 0; r < 3; r++) { const t0 = performance.now();
const h = await vae.fit(small, { epochs: 10, batchSize: 32 });
console.log('small step us', (performance.now() - t0) / 1000 * 1000, h.epochs.at(-1)); }
try { vae.encode(rng.normal([2, 28, 28])); } catch (e) { console.log(String(e)); }
try { vae.posterior(rng.normal([2, 28])); } catch (e) { console.log(String(e)); }
