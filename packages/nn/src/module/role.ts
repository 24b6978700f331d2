import { parameter, parameterLater } from '@latent/autograd';
import {
  type DType,
  formatShape,
  oneOf,
  type Shape,
  sizeOf,
  step,
  Tensor,
  type TensorData,
  tensor,
  ValueError,
  zeros,
} from '@latent/tensor';
import { worthSlices } from './turn.ts';

/**
 * What a module's tensor is for. Penalties and constraints are of weights alone; a scale multiplies, a bias is added, a table
 * is looked up or stands for rows, and a buffer is kept and saved but not trained (running statistics).
 */
export type Role = 'weight' | 'bias' | 'scale' | 'table' | 'buffer';

const roleCheck = /* @__PURE__ */ oneOf('weight', 'bias', 'scale', 'table');
const roles = /* @__PURE__ */ new WeakMap<Tensor, Role>();

/** The role of a module's tensor; without one given, a parameter of two or more axes is a weight and others are biases. */
export function roleOf(x: Tensor): Role | null {
  const role = roles.get(x);
  if (role !== undefined) return role;
  if (!x.node?.isParameter) return null;
  return x.shape.length >= 2 ? 'weight' : 'bias';
}

/** A parameter with a role. */
export function parameterOf(role: Exclude<Role, 'buffer'>, data: Tensor | TensorData): Tensor {
  roleCheck(role, { caller: 'parameterOf', path: 'role' });
  const made = parameter(data);
  roles.set(made, role);
  return made;
}

/** Numbers that a module keeps: saved and loaded with it, at one address, changed by `assign` or `overwrite`, never trained. */
export function buffer(data: Tensor | TensorData, options: { readonly dtype?: DType } = {}): Tensor {
  const made = (data instanceof Tensor ? data : tensor(data, options)).persisted(true);
  roles.set(made, 'buffer');
  return made;
}

/** Numbers that a file has for a model that is being read from it: no more may be made. */
let allowance: { left: number; readonly caller: string } | null = null;

/**
 * Runs `build` for a model whose numbers come from a file: first weights are not drawn, and asking for more than `numbers`
 * of them is refused before anything is allocated, whatever sizes the file's description claims.
 */
export function withoutFirstWeights<T>(caller: string, numbers: number, build: () => T): T {
  const before = allowance;
  allowance = { left: numbers, caller };
  try {
    return build();
  } finally {
    allowance = before;
  }
}

/**
 * Throws where a file's description asks for `count` numbers, and the file has not that many left: before anything is made of
 * them. Elsewhere it lets everything through.
 */
export function checkRoomInFile(count: number, what: string): void {
  if (allowance === null || count <= allowance.left) return;
  throw new ValueError(
    `${allowance.caller}: the description asks for more numbers than the file has, at ${what}; the file is altered`,
  );
}

/** A parameter of a layer: its first numbers by `init`, or zeros for a model that is read from a file. */
export function layerParameter(role: Exclude<Role, 'buffer'>, shape: Shape, init: () => Tensor | TensorData): Tensor {
  if (allowance === null) {
    if (!worthSlices(sizeOf(shape))) return step(() => parameterOf(role, init()));
    const made = parameterLater(() => {
      const data = init();
      return data instanceof Tensor ? data : tensor(data);
    });
    roles.set(made, role);
    return made;
  }
  checkRoomInFile(sizeOf(shape), `a ${role} of ${formatShape(shape)}`);
  allowance.left -= sizeOf(shape);
  return parameterOf(role, zeros(shape));
}
