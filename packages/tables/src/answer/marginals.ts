import { Rng } from '@latent/tensor';
import type { CodedColumn } from '../encode/row-code.ts';
import { readersOf } from '../model/recipe.ts';
import type { TableState } from '../model/state.ts';

/** Codes that a column's own distribution is told from. */
const CODES = 256;
/** Numbers may be anything within so many standard deviations to either side. */
const REACH = 10;

/** What columns hold whatever the rest of their row: by codes of learned rows. */
export class Marginals {
  readonly #state: TableState;
  readonly #center: Float32Array;
  readonly #std: Float32Array;
  readonly #codes: number;

  constructor(state: TableState) {
    const { bank, members, recipe, seed } = state;
    const count = Math.min(CODES, bank.count);
    const places = new Rng(seed + 3).permutation(bank.count).subarray(0, count);
    const codes = new Float32Array(count * bank.latent);
    places.forEach((from, i) => {
      codes.set(bank.mean.subarray(from * bank.latent, (from + 1) * bank.latent), i * bank.latent);
    });
    const [reader] = readersOf(members, recipe);
    const found = reader?.expectedOf(codes) ?? { center: new Float32Array(), std: new Float32Array() };
    this.#state = state;
    this.#codes = count;
    this.#center = found.center;
    this.#std = found.std;
  }

  /**
   * log of the chance that something else wrote a cell of a coded row: half the time a cell of another row of its column, half the
   * time anything.
   */
  logOther(coded: Float32Array, row: number, column: CodedColumn): number {
    const { width, numbers } = this.#state.code;
    const logs = new Float64Array(this.#codes);
    let flat = 0;
    column.code.slots.forEach(({ role, size }, s) => {
      const start = column.at[s] as number;
      const from = row * width + start;
      if (Number.isNaN(coded[from])) return;
      if (role === 'levels') {
        let level = 0;
        while (level < size - 1 && coded[from + level] !== 1) level++;
        for (let k = 0; k < this.#codes; k++) {
          logs[k] = (logs[k] as number) + Math.log(Math.max(1e-30, this.#center[k * width + start + level] as number));
        }
        flat -= Math.log(size);
        return;
      }
      for (let c = 0; c < size; c++) {
        const x = coded[from + c] as number;
        for (let k = 0; k < this.#codes; k++) {
          const std = this.#std[k * numbers + start + c] as number;
          const z = (x - (this.#center[k * width + start + c] as number)) / std;
          logs[k] = (logs[k] as number) - 0.5 * (Math.log(2 * Math.PI) + z * z) - Math.log(std);
        }
        flat -= Math.log(2 * REACH);
      }
    });
    const largest = logs.reduce((a, b) => Math.max(a, b), -Infinity);
    const own = largest + Math.log(logs.reduce((sum, value) => sum + Math.exp(value - largest), 0) / this.#codes);
    const most = Math.max(own, flat);
    return most + Math.log((Math.exp(own - most) + Math.exp(flat - most)) / 2);
  }
}
