export * from './calibration.ts';
export * from './classification.ts';
export type { Numbers } from './pairs.ts';
export * from './regression.ts';
export * from './roc.ts';
