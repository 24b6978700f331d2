// Every kernel with calls to try it by: the list that tests are drawn from. Production code never imports it.

import { checkIndicesKernel } from './check-indices/check-indices.ts';
import { checkIndicesSamples } from './check-indices/samples.ts';
import { convolutionKernel } from './convolution/convolution.ts';
import { convolutionSamples, convolutionWeightsSamples, transposedConvolutionSamples } from './convolution/samples.ts';
import { transposedConvolutionKernel } from './convolution/transposed.ts';
import { convolutionWeightsKernel } from './convolution/weights.ts';
import { copyKernel } from './copy/copy.ts';
import { copySamples } from './copy/samples.ts';
import { cumulativeSumKernel } from './cumulative-sum/cumulative-sum.ts';
import { cumulativeSumSamples } from './cumulative-sum/samples.ts';
import { drawRowsKernel } from './draw-rows/draw-rows.ts';
import { drawRowsSamples } from './draw-rows/samples.ts';
import { fillKernel } from './fill/fill.ts';
import { fillSamples } from './fill/samples.ts';
import { gatherRowsKernel } from './gather-rows/gather-rows.ts';
import { gatherRowsSamples } from './gather-rows/samples.ts';
import type { Kernel, KernelCall } from './kernel.ts';
import { linearRecurrenceKernel } from './linear-recurrence/linear-recurrence.ts';
import { linearRecurrenceSamples } from './linear-recurrence/samples.ts';
import { mapKernel } from './map/map.ts';
import { mapSamples } from './map/samples.ts';
import { matmulKernel } from './matmul/matmul.ts';
import { matmulSamples } from './matmul/samples.ts';
import { maxPickKernel, maxSpreadKernel } from './max-pool/max-pool.ts';
import { maxPickSamples, maxSpreadSamples } from './max-pool/samples.ts';
import { randomKernel } from './random/random.ts';
import { randomSamples } from './random/samples.ts';
import { recurrenceKernel } from './recurrence/recurrence.ts';
import { recurrenceSamples } from './recurrence/samples.ts';
import { recurrenceGradientKernel } from './recurrence-gradient/recurrence-gradient.ts';
import { recurrenceGradientSamples } from './recurrence-gradient/samples.ts';
import { reduceKernel } from './reduce/reduce.ts';
import { reduceSamples } from './reduce/samples.ts';
import { resampleKernel } from './resample/resample.ts';
import { resampleSamples } from './resample/samples.ts';
import type { KernelSample, KernelSamples } from './samples.ts';
import { scatterAddRowsSamples } from './scatter-add-rows/samples.ts';
import { scatterAddRowsKernel } from './scatter-add-rows/scatter-add-rows.ts';

export interface Listed {
  readonly kernel: Kernel;
  readonly samples: readonly KernelSample[];
}

/** A kernel without samples does not compile. */
function listed<C extends KernelCall>(kernel: Kernel<C>, samples: KernelSamples<C>): Listed {
  return { kernel: kernel as Kernel, samples: samples as readonly KernelSample[] };
}

export const kernelList: readonly Listed[] = [
  listed(mapKernel, mapSamples),
  listed(reduceKernel, reduceSamples),
  listed(matmulKernel, matmulSamples),
  listed(copyKernel, copySamples),
  listed(drawRowsKernel, drawRowsSamples),
  listed(fillKernel, fillSamples),
  listed(gatherRowsKernel, gatherRowsSamples),
  listed(scatterAddRowsKernel, scatterAddRowsSamples),
  listed(checkIndicesKernel, checkIndicesSamples),
  listed(cumulativeSumKernel, cumulativeSumSamples),
  listed(randomKernel, randomSamples),
  listed(maxPickKernel, maxPickSamples),
  listed(maxSpreadKernel, maxSpreadSamples),
  listed(resampleKernel, resampleSamples),
  listed(convolutionKernel, convolutionSamples),
  listed(transposedConvolutionKernel, transposedConvolutionSamples),
  listed(convolutionWeightsKernel, convolutionWeightsSamples),
  listed(linearRecurrenceKernel, linearRecurrenceSamples),
  listed(recurrenceKernel, recurrenceSamples),
  listed(recurrenceGradientKernel, recurrenceGradientSamples),
];
