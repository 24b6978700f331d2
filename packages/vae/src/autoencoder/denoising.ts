import { knownAs } from '../model/file-header.ts';
import { Autoencoder } from './autoencoder.ts';
import { masking } from './corruption.ts';
import type { AutoencoderOptions } from './options.ts';

/** What a denoising autoencoder is made of: an autoencoder whose corruption has a default. */
export type DenoisingAutoencoderOptions = AutoencoderOptions;

/**
 * A denoising autoencoder (Vincent et al. 2008, 2010): it learns to restore clean rows from corrupted ones, masking(0.3)
 * by default. Everything else is `Autoencoder`'s.
 */
export class DenoisingAutoencoder extends Autoencoder {
  static override readonly modelName: string = /* @__PURE__ */ knownAs(DenoisingAutoencoder, 'denoisingAutoencoder');

  constructor(options: DenoisingAutoencoderOptions) {
    super({ corruption: masking(0.3), ...options });
  }

  override get type(): string {
    return 'DenoisingAutoencoder';
  }
}
