// What a bundle holds, and what it says of the parts that it does not hold.
import { iwae, poisson, Vae } from '@latent/vae';
import { describe, expect, it } from 'vitest';
import { bundle } from './bundle.ts';

interface Application {
  readonly load: (bytes: Uint8Array) => { encode(rows: number[][]): { mean: { toArray(): unknown } } };
}

/** The program as a browser gets it. */
const bundled = async (code: string): Promise<Application> =>
  (await import(
    /* @vite-ignore */ `data:text/javascript,${encodeURIComponent(await bundle(code, 'esm'))}`
  )) as Application;

const LOAD = "import { Vae } from '@latent/vae'; export const load = (bytes) => Vae.fromBytes(bytes);";
const rows = [[0, 3]];
const vae = new Vae({ inputSize: 2, latentSize: 1, encoder: [3], reconstruction: poisson(), objective: iwae() });

describe('a bundle', () => {
  it('reads files whose parts it holds, to the same numbers', async () => {
    const { load } = await bundled(`${LOAD} export { iwae, poisson } from '@latent/vae';`);
    expect(load(vae.toBytes()).encode(rows).mean.toArray()).toEqual(vae.encode(rows).mean.toArray());
  });

  it('refuses the others by a sentence with the import that brings them in', async () => {
    const { load } = await bundled(LOAD);
    expect(() => load(vae.toBytes())).toThrow(
      /there is no likelihood \(reconstruction\) 'poisson'.*; a bundle knows the parts that its program uses: for others, export \{ poisson \} from '@latent\/vae' in it/,
    );
    const half = await bundled(`${LOAD} export { poisson } from '@latent/vae';`);
    expect(() => half.load(vae.toBytes())).toThrow("export { iwae } from '@latent/vae' in it");
  });

  it('names the class of a model that it does not hold', async () => {
    const { load } = await bundled(
      "import { modelFromBytes } from '@latent/vae'; export const load = (bytes) => modelFromBytes(bytes);",
    );
    expect(() => load(vae.toBytes())).toThrow("export { Vae } from '@latent/vae' in it");
  });
});
