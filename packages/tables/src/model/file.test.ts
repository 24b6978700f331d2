import { decodeSafetensors, encodeSafetensors } from '@latent/nn';
import { LatentError, Rng, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { TableModel } from '../index.ts';
import { people } from '../samples.ts';

const rows = people(120);
const fitted = TableModel.fit(rows, { hidden: [8], latentSize: 2, epochs: 2, draws: 1 });

/** What a file does: a model that scores, or a sentence. */
function outcome(bytes: Uint8Array): string {
  try {
    const model = TableModel.fromBytes<(typeof rows)[number]>(bytes);
    model.score(rows.slice(0, 3));
    model.synthesize(3);
    return 'read';
  } catch (error) {
    if (error instanceof LatentError) return 'refused';
    return `crashed: ${String(error)}`;
  }
}

/** The JSON with one of its values replaced, at a place drawn by chance. */
function altered(text: string, rng: Rng): string {
  const root: unknown = JSON.parse(text);
  const draw = (n: number): number => Math.floor(rng.uniform([]).item() * n);
  let [holder, key, value]: [Record<string, unknown>, string, unknown] = [{ root }, 'root', root];
  while (typeof value === 'object' && value !== null && Object.keys(value).length > 0 && draw(6) > 0) {
    holder = value as Record<string, unknown>;
    const keys = Object.keys(holder);
    key = keys[draw(keys.length)] as string;
    value = holder[key];
  }
  const bad = [null, -1, 0.5, 1e308, 'x', '', [], {}, [[]], true, { name: 'numeric' }, 2 ** 40];
  holder[key] = bad[draw(bad.length)];
  return JSON.stringify(key === 'root' ? holder.root : root);
}

describe('files that are altered', () => {
  it('are refused with a sentence, or read, whatever their descriptions say', async () => {
    const { tensors, bytes, metadata } = decodeSafetensors((await fitted).toBytes());
    const rng = new Rng(7);
    const crashed: string[] = [];
    let refused = 0;
    for (let i = 0; i < 200; i++) {
      const part = i % 2 === 0 ? 'config' : 'learned';
      const text = altered(new TextDecoder().decode(bytes[part]), rng);
      const found = outcome(
        encodeSafetensors({ ...tensors, ...bytes, [part]: new TextEncoder().encode(text) }, metadata),
      );
      if (found === 'refused') refused++;
      else if (found !== 'read') crashed.push(found);
    }
    expect(crashed).toEqual([]);
    expect(refused).toBeGreaterThan(50);
  });

  it('are refused where tensors are missing, of another shape or not finite', async () => {
    const { tensors: all, bytes, metadata } = decodeSafetensors((await fitted).toBytes());
    const tensors = { ...all, ...bytes };
    for (const name of Object.keys(tensors)) {
      const { [name]: own, ...others } = tensors;
      expect(outcome(encodeSafetensors(others, metadata)), `without ${name}`).toBe('refused');
      const size = own instanceof Uint8Array ? 0 : (own?.size ?? 0);
      const shorter = tensor(new Float32Array(Math.max(0, size - 1)));
      expect(outcome(encodeSafetensors({ ...others, [name]: shorter }, metadata)), `${name} cut`).toBe('refused');
    }
    const mean = all['bank.mean'] as (typeof all)[string];
    const rowsOf = tensor(new Float32Array(mean.size).fill(Number.NaN), { shape: mean.shape });
    expect(outcome(encodeSafetensors({ ...tensors, 'bank.mean': rowsOf }, metadata))).toBe('refused');
  });

  it('are refused where bytes differ, and files of others by what they are', async () => {
    const bytes = (await fitted).toBytes();
    for (let i = 1; i < 40; i++) {
      const damaged = bytes.slice();
      const place = Math.floor((i * bytes.length) / 41);
      damaged[place] = (damaged[place] as number) ^ 0x55;
      expect(outcome(damaged)).toBe('refused');
      expect(outcome(bytes.slice(0, place))).toBe('refused');
    }
    expect(() => TableModel.fromBytes(encodeSafetensors({}, {}))).toThrow("expected a file of a table's model");
  });
});
