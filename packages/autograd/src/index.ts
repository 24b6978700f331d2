export { customGradient } from './custom-gradient.ts';
export { grad, gradients, type Tree, valueAndGrad } from './grad.ts';
export { type GradCheckOptions, gradCheck } from './gradcheck.ts';
export type { Nest } from './nest.ts';
export { noGrad, parameter, parameterLater, stopGradient, zeroGrad } from './parameter.ts';
export { sampleExponential, sampleGumbelSoftmax, sampleLaplace, sampleNormal } from './sample.ts';
export { type ScanOptions, scan } from './scan.ts';
