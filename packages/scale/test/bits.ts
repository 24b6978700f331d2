import type { Module } from '@latent/nn';

/** The bits of a module's weights, as one text. */
export function bitsOf(model: Module): string {
  return model
    .namedTensors()
    .map(([name, { data }]) => `${name} ${Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex')}`)
    .join('\n');
}
