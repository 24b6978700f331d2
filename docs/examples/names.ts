import { readFileSync } from 'node:fs';
import { adam, characters, embedding, lstm, unpadded } from '@latent/nn';
import { Rng, type Tensor } from '@latent/tensor';
import { elbo, tokens, Vae } from '@latent/vae';
import type { Example } from './example.ts';

const letters = characters('abcdefghijklmnopqrstuvwxyz');

/** English first names in lower case (public domain; see data/first-names/README.md). */
function loadNames(): string[] {
  const text = readFileSync(new URL('data/first-names/names.txt', import.meta.url), 'utf8');
  const names = text.trim().split('\n');
  const order = new Rng(1).permutation(names.length);
  return Array.from(order, (i) => names[i] as string);
}

const textsOf = (rows: Tensor): string[] => unpadded(rows).map((row) => letters.decode(row));

/**
 * A VAE of names, letter by letter: its decoder sees the letters before, some of them hidden while it learns (word dropout), and free bits
 * keep it from leaving the code aside. You should see codes of about 7 nats, names that do not exist and could, and the names on the
 * way from one to another.
 */
export const names: Example = async ({ quick, say }) => {
  const all = loadNames();
  const [test, train] = [all.slice(0, quick ? 40 : 800), all.slice(800, quick ? 1200 : undefined)];
  const vae = new Vae({
    sequence: { steps: 16, tokenizer: letters, previous: { dropout: 0.25, width: 32 } },
    latentSize: 16,
    encoder: [embedding(letters.size, 32), lstm(quick ? 16 : 64, { bidirectional: true })],
    decoder: [lstm(quick ? 24 : 128, { returnSequences: true })],
    reconstruction: tokens(letters.size),
    objective: elbo({ freeBits: 0.4 }),
  });
  await vae.fit(train, {
    epochs: quick ? 2 : 20,
    batchSize: 64,
    optimizer: adam({ learningRate: 3e-3 }),
    clipNorm: 5,
  });
  const mean = (x: Tensor): number => x.mean().item();
  const parts = vae.elbo(test, { samples: 4 });
  const symbols = test.reduce((sum, name) => sum + name.length + 1, 0) / test.length;
  const bits = (nats: number): number => nats / Math.LN2 / symbols;
  const { logLikelihood } = vae.logLikelihood(test, { samples: quick ? 5 : 50 });
  const found = { kl: mean(parts.kl), bits: bits(-mean(parts.elbo)), importance: bits(-mean(logLikelihood)) };
  say(`KL ${found.kl.toFixed(2)} nats; ${found.bits.toFixed(3)} bits per character by the bound on held-out names,`);
  say(`  ${found.importance.toFixed(3)} by importance sampling; ends are counted as characters`);
  const back = textsOf(vae.reconstruct(test));
  const right = back.filter((name, i) => name === test[i]).length / test.length;
  say(
    `${(100 * right).toFixed(0)} % of held-out names come back whole: ${back
      .slice(0, 8)
      .map((name, i) => `${test[i]} → ${name}`)
      .join(', ')}`,
  );
  const known = new Set(all);
  const drawn = textsOf(vae.sample(200, { output: 'draw', temperature: 0.7, seed: 1 }));
  const fresh = drawn.filter((name) => !known.has(name));
  say(
    `${((100 * fresh.length) / drawn.length).toFixed(0)} % of draws are no names of the list: ${fresh.slice(0, 16).join(', ')}`,
  );
  const path = textsOf(vae.interpolate('charlotte', 'benjamin', 8));
  say(`from charlotte to benjamin: ${path.join(' → ')}`);
  return { ...found, right, fresh: fresh.length / drawn.length, path: new Set(path).size };
};
