import { formatShape, type Shape, stridesOf } from './shape.ts';

/** Axes longer than this are shortened to their first and last elements. */
const EDGE = 3;
const LONGEST = 8;

/** A readable picture of a tensor: its shape, its dtype, and its numbers as nested rows, long axes shortened. */
export function formatTensor(values: ArrayLike<number>, shape: Shape, dtype: string): string {
  const strides = stridesOf(shape);
  const number = (value: number): string =>
    Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(5)));
  let width = 0;
  const shown = (size: number): (number | null)[] =>
    size <= LONGEST
      ? Array.from({ length: size }, (_, i) => i)
      : [0, 1, 2, null, ...Array.from({ length: EDGE }, (_, i) => size - EDGE + i)];
  const visit = (axis: number, offset: number, render: (text: string) => void): void => {
    if (axis === shape.length) render(number(values[offset]!));
    else for (const i of shown(shape[axis]!)) if (i !== null) visit(axis + 1, offset + i * strides[axis]!, render);
  };
  visit(0, 0, (text) => {
    width = Math.max(width, text.length);
  });
  const print = (axis: number, offset: number, indent: string): string => {
    if (axis === shape.length) return number(values[offset]!).padStart(shape.length === 0 ? 0 : width);
    const parts = shown(shape[axis]!).map((i) =>
      i === null ? '…' : print(axis + 1, offset + i * strides[axis]!, `${indent} `),
    );
    return `[${parts.join(axis === shape.length - 1 ? ', ' : `,\n${indent} `)}]`;
  };
  return `Tensor ${formatShape(shape)} ${dtype}\n${print(0, 0, '')}`;
}
