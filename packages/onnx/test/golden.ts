// The small files of other programs, made by bench/peers/golden.py and golden.js.
import { readFileSync } from 'node:fs';
import type { Tensor } from '@latent/tensor';
import { decodeNpz } from '../src/npy/npz.ts';

/** The bytes of a file. */
export function goldenFile(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`./golden/${name}`, import.meta.url)));
}

/** A JSON file. */
export function goldenJson<T>(name: string): T {
  return JSON.parse(new TextDecoder().decode(goldenFile(name))) as T;
}

/** What PyTorch computed, by name. */
export function results(): Promise<Record<string, Tensor>> {
  return decodeNpz(goldenFile('results.npz'));
}

/** The largest difference of two tensors of one shape; NaN where shapes differ. */
export function farthest(a: Tensor, b: Tensor): number {
  if (JSON.stringify(a.shape) !== JSON.stringify(b.shape)) return Number.NaN;
  const other = b.data;
  return Array.from(a.data).reduce((most, value, i) => {
    const want = other[i] as number;
    return Object.is(value, want) || value === want ? most : Math.max(most, Math.abs(value - want));
  }, 0);
}
