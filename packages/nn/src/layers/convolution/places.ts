import { type Check, formatShape, type PerAxis, perAxis, type Shape, ShapeError, whole } from '@latent/tensor';

/** The axes of rows [length, channels] or [height, width, channels] that are places. */
export function placesOf(input: Shape): Shape {
  if (input.length !== 2 && input.length !== 3) {
    throw new ShapeError(`expected rows [length, channels] or [height, width, channels], got ${formatShape(input)}`);
  }
  return input.slice(0, -1);
}

/** The places and channels of rows with so many axes of places. */
export function placesAndChannels(axes: number, input: Shape): { readonly places: Shape; readonly channels: number } {
  if (input.length !== axes + 1) {
    const wanted = axes === 1 ? '[length, channels]' : '[height, width, channels]';
    const remedy =
      input.length === axes
        ? `; for one channel put reshape(${formatShape([...input, 1])}) before it`
        : input.length === 1
          ? `; rows need this shape: give it as \`event\`, or put reshape(${wanted}) before it`
          : '';
    throw new ShapeError(`expected rows ${wanted}, got ${formatShape(input)}${remedy}`);
  }
  return { places: input.slice(0, -1), channels: input[axes] as number };
}

/** A check for a number for all axes, or a list of one for each of one or two. */
export function anyAxes(min: number): Check<PerAxis> {
  const each = whole({ min });
  return (value, at) => (Array.isArray(value) ? perAxis(value.length === 1 ? 1 : 2, min)(value, at) : each(value, at));
}
