import { Autoencoder, type AutoencoderOptions } from './autoencoder.ts';
import { masking } from './corruption.ts';

export type DenoisingAutoencoderOptions = AutoencoderOptions;

/**
 * A denoising autoencoder (Vincent et al. 2008, 2010): it learns to restore clean rows from corrupted ones, masking(0.3)
 * by default. Everything else is `Autoencoder`'s.
 */
export class DenoisingAutoencoder extends Autoencoder {
  constructor(options: DenoisingAutoencoderOptions) {
    super({ corruption: masking(0.3), ...options });
  }
}
