export { type ExportTableOptions, exportTable, onnxTable } from './export-table.ts';
export type { OnnxColumn } from './inputs.ts';
