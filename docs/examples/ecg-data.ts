import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** Values of a beat: 180 a second, the R peak at value 50. */
export const STEPS = 140;

/** Heartbeats in millivolts, and what cardiologists call each. */
export interface Beats {
  readonly rows: readonly Float32Array[];
  readonly symbols: readonly string[];
}

/** The beats of eight patients of the MIT-BIH Arrhythmia Database (ODC-By 1.0; see data/ecg-beats/README.md). */
export function loadBeats(): Beats {
  const file = (name: string): Buffer => readFileSync(new URL(`data/ecg-beats/${name}`, import.meta.url));
  const bytes = gunzipSync(file('beats.i16.gz'));
  const numbers = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
  const millivolts = Float32Array.from(numbers, (value) => value / 200);
  const lines = file('beats.csv').toString('utf8').trim().split('\n').slice(1);
  return {
    rows: lines.map((_, r) => millivolts.subarray(r * STEPS, (r + 1) * STEPS)),
    symbols: lines.map((line) => line.split(',')[2] as string),
  };
}

/** Every fourth normal beat to train on; the other beats, and which of them are not normal. */
export function splitBeats({ rows, symbols }: Beats): {
  readonly train: readonly Float32Array[];
  readonly test: readonly Float32Array[];
  readonly odd: readonly number[];
} {
  let normal = 0;
  const trains = symbols.map((symbol) => symbol === 'N' && normal++ % 4 === 0);
  const test = rows.filter((_, r) => !trains[r]);
  return {
    train: rows.filter((_, r) => trains[r]),
    test,
    odd: symbols.filter((_, r) => !trains[r]).map((symbol) => (symbol === 'N' ? 0 : 1)),
  };
}
