import {
  add,
  checkOptions,
  checkTensor,
  formatShape,
  list,
  nullable,
  optional,
  type Shape,
  ShapeError,
  sameShape,
  type Tensor,
} from '@latent/tensor';
import { inLayer, type Layer, layerCheck, Module } from '../../module/module.ts';
import { partOf } from '../../registry/registry.ts';
import { Activation, type ActivationName, activationCheck } from '../activation.ts';
import { type BuildContext, type LayerSpec, layers } from '../layer-spec.ts';
import { Linear } from '../linear.ts';
import { Sequential } from '../sequential.ts';

/** activation(body(x) + shortcut(x)); the shortcut is x itself where there is none (He et al. 2016). */
export class Residual extends Module {
  readonly body: Layer;
  readonly shortcut: Layer | null;
  readonly activation: Activation;

  constructor(body: Layer, options: { readonly shortcut?: Layer | null; readonly activation?: ActivationName } = {}) {
    super();
    this.body = layerCheck(body, { caller: 'Residual', path: 'body' });
    const { shortcut, activation } = checkOptions('Residual', options, {
      shortcut: optional(nullable(layerCheck), null),
      activation: optional(activationCheck, 'identity' as const),
    });
    this.shortcut = shortcut;
    this.activation = new Activation(activation);
  }

  override get type(): string {
    return 'Residual';
  }

  forward(x: Tensor): Tensor {
    checkTensor(this.type, x);
    const { shortcut } = this;
    const y = inLayer('body', () => this.body.forward(x));
    const direct = shortcut === null ? x : inLayer('shortcut', () => shortcut.forward(x));
    if (!sameShape(y.shape, direct.shape)) {
      throw new ShapeError(
        `Residual: the body gives ${formatShape(y.shape)}, but what is added to it is ${formatShape(direct.shape)}`,
      );
    }
    return this.activation.forward(add(y, direct));
  }
}

/** Of `residual` in a network. */
export interface ResidualOptions {
  /** What x goes through beside the body; nothing by default, or a linear map of the channels where only those change. */
  readonly shortcut?: readonly LayerSpec[];
  /** After the sum; 'identity' by default. */
  readonly activation?: ActivationName;
}

const specs = /* @__PURE__ */ list(/* @__PURE__ */ partOf(layers, 'conv2d(32)'), { max: 100 });
const checks = {
  body: specs,
  shortcut: /* @__PURE__ */ optional(specs),
  activation: /* @__PURE__ */ optional(activationCheck, 'identity' as const),
};

const shapeAfter = (list: readonly LayerSpec[], input: Shape): Shape =>
  list.reduce((shape, spec) => spec.outShape(shape), input);

function sequence(list: readonly LayerSpec[], input: Shape, context: BuildContext): Sequential {
  let shape = input;
  const built = list.flatMap((spec) => {
    const made = spec.build(shape, context);
    shape = spec.outShape(shape);
    return made;
  });
  return new Sequential(...built);
}

/** The way back through a list. */
function mirrorOf(list: readonly LayerSpec[], input: Shape): readonly LayerSpec[] {
  let shape = input;
  const back = list.map((spec) => {
    const mirror = spec.mirror(shape);
    shape = spec.outShape(shape);
    // What has no way back keeps the shape: normalisation and the like are wanted on the way back too.
    return mirror.length === 0 ? [spec] : mirror;
  });
  return back.reverse().flat();
}

export const residualLayer = /* @__PURE__ */ layers.known('residual', {
  options: checks,
  build({ body, shortcut, activation }) {
    /** Whether x can be added as it is, or its channels have to be mapped. */
    const direct = (input: Shape): boolean => sameShape(input, shapeAfter(body, input));
    return {
      outShape(input) {
        const out = shapeAfter(body, input);
        const beside = shortcut === undefined ? input : shapeAfter(shortcut, input);
        const channelsOnly = shortcut === undefined && sameShape(input.slice(0, -1), out.slice(0, -1));
        if (!sameShape(out, beside) && !channelsOnly) {
          const remedy =
            shortcut === undefined ? '; give a shortcut, such as [conv2d(64, { kernel: 1, stride: 2 })]' : '';
          throw new ShapeError(
            `the body makes ${formatShape(out)} of ${formatShape(input)}, but what is added to it is ${formatShape(beside)}${remedy}`,
          );
        }
        return out;
      },
      build(input, context) {
        const out = shapeAfter(body, input);
        const made =
          shortcut !== undefined
            ? sequence(shortcut, input, { ...context, activation: 'identity' })
            : direct(input)
              ? null
              : new Linear(input.at(-1) as number, out.at(-1) as number, { rng: context.weights, bias: false });
        return [new Residual(sequence(body, input, context), { shortcut: made, activation })];
      },
      mirror: (input) => [
        residual(mirrorOf(body, input), {
          activation,
          ...(shortcut !== undefined && { shortcut: mirrorOf(shortcut, input) }),
        }),
      ],
    };
  },
});

/**
 * activation(body(x) + x) as a layer of a network (He et al. 2016). Where the body changes the channels alone, x goes through a
 * linear map of them; where it changes the sizes, a shortcut must be given, whose layers have no activation unless they name one.
 */
export function residual(body: readonly LayerSpec[], options: ResidualOptions = {}): LayerSpec {
  return residualLayer.with({ body }, options);
}
