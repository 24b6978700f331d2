/** Numbers in single and in double precision. */
export type DType = 'f32' | 'f64';

/** Bytes of one element. */
export function elementBytes(dtype: DType): number {
  return dtype === 'f32' ? 4 : 8;
}
