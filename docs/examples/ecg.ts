import { adam, conv1d, cosineSchedule, dense, flatten, lstm, repeat } from '@latent/nn';
import { Autoencoder, gaussianNoise, laplace } from '@latent/vae';
import { rocAuc } from '@latent/vae/evaluate';
import { BLUE, chart, RED } from './chart.ts';
import { loadBeats, STEPS, splitBeats } from './ecg-data.ts';
import { type Example, ranked } from './example.ts';

/** Numbers of a code: far fewer than the 140 of a beat, or what is odd would be restored as well as what is not. */
const CODE = 8;
const BATCH = 64;

/** The share of the odd rows whose score is above all but 1 % of the normal ones'. */
function recallAt1Percent(scores: ArrayLike<number>, odd: readonly number[]): number {
  const normal = Array.from(scores)
    .filter((_, r) => !odd[r])
    .sort((a, b) => a - b);
  const threshold = normal[Math.floor(0.99 * normal.length)] as number;
  const found = Array.from(scores).filter((score, r) => odd[r] && score > threshold).length;
  return found / odd.reduce((a, b) => a + b, 0);
}

/**
 * Heartbeats: autoencoders with a code of 8 numbers learn the normal beats of eight patients and find the others by how badly they
 * restore them. You should see areas under the ROC curve of .99, against .951 of the distance to the mean beat. The convolutional one
 * has a Laplace distribution at each step, so that no single sharp peak outweighs the rest, and learns from noisy beats, so that codes
 * hold what beats have in common.
 */
export const ecg: Example = async (setting) => {
  const { quick, say } = setting;
  const { train: all, test: rest, odd: kinds } = splitBeats(loadBeats());
  const some = <T>(of: readonly T[], every: number): T[] => of.filter((_, r) => !quick || r % every === 0);
  const [train, test, odd] = [some(all, 20), some(rest, 50), some(kinds, 50)];
  const mean = new Float64Array(STEPS).map(
    (_, t) => train.reduce((sum, row) => sum + (row[t] as number), 0) / train.length,
  );
  const found: Record<string, number> = {};
  const report = (name: string, scores: ArrayLike<number>): readonly [area: number, recall: number] => {
    found[name] = rocAuc(scores, odd);
    const recall = recallAt1Percent(scores, odd);
    say(`${name}: ROC-AUC ${found[name]?.toFixed(4)}, ${(100 * recall).toFixed(0)} % found at 1 % false alarms`);
    return [found[name], recall];
  };
  report(
    'distance to the mean',
    test.map((row) => row.reduce((sum, value, t) => sum + (value - (mean[t] as number)) ** 2, 0)),
  );

  const convolutional = [0, 1, 2].slice(0, quick ? 1 : 3).map(
    (seed) =>
      new Autoencoder({
        event: [STEPS, 1],
        encoder: [
          conv1d(24, { kernel: 7, stride: 2 }),
          conv1d(48, { kernel: 7, stride: 2 }),
          flatten(),
          dense(CODE, { activation: 'identity' }),
        ],
        reconstruction: laplace(),
        corruption: gaussianNoise(0.3),
        seed,
      }),
  );
  // At every step the decoder is given the code, and where the step is.
  const recurrent = new Autoencoder({
    sequence: { steps: STEPS },
    encoder: [lstm(quick ? 8 : 48, { bidirectional: true }), dense(CODE, { activation: 'identity' })],
    decoder: [repeat(STEPS, { positions: 16 }), lstm(quick ? 8 : 64, { returnSequences: true })],
  });
  const trained = async (name: string, model: Autoencoder, epochs: number) => {
    const runs = quick ? 2 : epochs;
    const steps = runs * Math.ceil(train.length / BATCH);
    const begun = performance.now();
    const history = await model.fit(train, {
      epochs: runs,
      batchSize: BATCH,
      optimizer: adam({ learningRate: cosineSchedule({ rate: 4e-3, steps }) }),
      clipNorm: 1,
    });
    const seconds = (performance.now() - begun) / 1000;
    const result = report(name, model.reconstructionError(test).data);
    say(
      `  after ${runs} epochs in ${seconds.toFixed(0)} s, loss ${history.epochs.at(-1)?.loss.toFixed(3)} in training`,
    );
    return result;
  };
  const runs: (readonly [area: number, recall: number])[] = [];
  for (const model of convolutional) runs.push(await trained('convolutional', model, 40));
  const [areas, recalls] = [0, 1].map((k) => spreadOf(runs.map((run) => run[k] as number))) as [string, string];
  say(`convolutional, ${runs.length} seeds: ROC-AUC ${areas}, share found ${recalls}`);
  await trained('LSTM', recurrent, 15);
  const restored = [convolutional[0] as Autoencoder, recurrent].map((model) => model.reconstruct(test).data);

  // Above usual beats, below the oddest, with what both make of them.
  const order = ranked(recurrent.reconstructionError(test).data);
  const chosen = [...order.slice(0, 5), ...order.slice(-5)];
  const panels = restored.flatMap((rows) =>
    chosen.map((r) => ({
      lines: [
        { values: test[r] as Float32Array, colour: BLUE },
        { values: Array.from(rows).slice(r * STEPS, (r + 1) * STEPS), colour: RED },
      ],
    })),
  );
  chart(panels, { columns: 5, width: 170, height: 90 }).write(setting.path('ecg.png'));
  say(
    'ecg.png: the most usual beats and the oddest (blue) as the convolutional and the LSTM autoencoder restore them (red)',
  );
  return found;
};

/** Mean ± standard deviation. */
function spreadOf(values: readonly number[]): string {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1);
  return `${mean.toFixed(4)} ± ${Math.sqrt(variance).toFixed(4)}`;
}
