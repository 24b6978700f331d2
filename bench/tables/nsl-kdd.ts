// Attacks against normal connections that were not fitted on: area under the ROC curve of the detector with default options.
import { AnomalyDetector } from '@latent/tables';
import { Rng } from '@latent/tensor';
import { rocAuc } from '@latent/vae/evaluate';
import { mean, nslKdd, seeds } from './data.ts';

const { normal, attacks } = nslKdd();
const areas: number[] = [];
for (const seed of seeds) {
  const order = Array.from(new Rng(seed).permutation(normal.length), (i) => normal[i] as (typeof normal)[number]);
  const half = order.length >> 1;
  const began = performance.now();
  const detector = await AnomalyDetector.fit(order.slice(0, half), { seed });
  const seconds = (performance.now() - began) / 1000;
  const rest = order.slice(half);
  const scores = [...detector.score(rest), ...detector.score(attacks)];
  const labels = [...rest.map(() => 0), ...attacks.map(() => 1)];
  areas.push(rocAuc(scores, labels));
  const alarms = detector.predict(rest, { falseAlarmRate: 0.01 }).filter(({ anomaly }) => anomaly).length / rest.length;
  const found =
    detector.predict(attacks, { falseAlarmRate: 0.01 }).filter(({ anomaly }) => anomaly).length / attacks.length;
  console.log(
    `seed ${seed}: AUC ${areas.at(-1)?.toFixed(4)}, fitted in ${seconds.toFixed(1)} s; at 1 % promised: ${(100 * alarms).toFixed(2)} % false alarms, ${(100 * found).toFixed(1)} % of attacks found`,
  );
}
console.log(`mean AUC ${mean(areas).toFixed(4)} (wanted ≥ 0.985)`);
