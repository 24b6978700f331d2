import { type Checked, oneOf, optional } from '@latent/tensor';

/** Where the codes of a score come from: their `mean` (default), the same every time; or noise that is an `input` of the graph, `eps`. */
export const noiseChecks = {
  noise: /* @__PURE__ */ optional(oneOf('mean', 'input'), 'mean' as const),
};

/** The option of graphs with codes. */
export type NoiseOptions = Checked<typeof noiseChecks>;
