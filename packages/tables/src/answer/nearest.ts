import type { CodeBank } from '../model/state.ts';
import type { Neighbour } from '../results.ts';

/** The learned rows whose codes are nearest to one. */
export function nearestCodes(bank: CodeBank, code: Float32Array, k: number): Neighbour[] {
  const found = Array.from({ length: bank.count }, (_, i): Neighbour => {
    let sum = 0;
    for (let l = 0; l < bank.latent; l++)
      sum += ((bank.mean[i * bank.latent + l] as number) - (code[l] as number)) ** 2;
    return { index: bank.places[i] as number, distance: Math.sqrt(sum) };
  });
  return found.sort((a, b) => a.distance - b.distance || a.index - b.index).slice(0, k);
}
