export { type ConvertOptions, convert, fileFormat, readTensors, type TensorFormat } from './convert.ts';
