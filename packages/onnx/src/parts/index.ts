export { type ExportModelOptions, type ExportNetworkOptions, exportWith } from '../export.ts';
export type { OnnxPart } from '../rules/part.ts';
export * from './parts.ts';
