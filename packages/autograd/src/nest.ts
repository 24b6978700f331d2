import { checkTensor, isPlainObject, refuse, Tensor } from '@latent/tensor';

/** A tensor, null for none, or arrays and plain objects of such, to any depth. */
export type Nest = Tensor | null | readonly Nest[] | { readonly [name: string]: Nest };

/** The tensors of a nest, those of an object in the order of their names' letters. */
export function tensorsOf(caller: string, path: string, nest: Nest): Tensor[] {
  if (nest === null) return [];
  if (nest instanceof Tensor) return [nest];
  if (Array.isArray(nest)) return Array.from(nest, (part: Nest, i) => tensorsOf(caller, `${path}[${i}]`, part)).flat();
  if (isPlainObject(nest)) {
    const parts = nest as { readonly [name: string]: Nest };
    return names(nest).flatMap((name) => tensorsOf(caller, `${path}.${name}`, parts[name] as Nest));
  }
  if (typeof nest === 'object' && 'storage' in nest) return [checkTensor(caller, nest as unknown as Tensor)];
  return refuse({ caller, path }, 'a tensor, null, or arrays and objects of tensors', nest);
}

/** A nest of other tensors, in the same order. */
export function nestLike<N extends Nest>(like: N, tensors: readonly Tensor[]): N {
  let next = 0;
  const build = (part: Nest): Nest => {
    if (part === null) return null;
    if (part instanceof Tensor) return tensors[next++] as Tensor;
    if (Array.isArray(part)) return part.map(build);
    const parts = part as { readonly [name: string]: Nest };
    const built = new Map(names(part).map((name) => [name, build(parts[name] as Nest)]));
    return Object.fromEntries(Object.keys(part).map((name) => [name, built.get(name) as Nest]));
  };
  return build(like) as N;
}

/** How a nest is made up, without the tensors: `{h: tensor, c: [tensor, null]}`. */
export function structureOf(nest: Nest): string {
  if (nest === null) return 'null';
  if (nest instanceof Tensor) return 'tensor';
  if (Array.isArray(nest)) return `[${nest.map(structureOf).join(', ')}]`;
  const parts = nest as { readonly [name: string]: Nest };
  return `{${names(nest)
    .map((name) => `${name}: ${structureOf(parts[name] as Nest)}`)
    .join(', ')}}`;
}

function names(nest: object): string[] {
  return Object.keys(nest).sort();
}
