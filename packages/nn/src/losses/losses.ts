import {
  apply,
  checkOptions,
  checkTensor,
  type Expr,
  elementwise,
  formatShape,
  list,
  logSoftmax,
  mul,
  oneHot,
  oneOf,
  optional,
  real,
  ShapeError,
  sameShape,
  select,
  sum,
  type Tensor,
  whole,
} from '@latent/tensor';

/**
 * `none`: one loss per row. `mean` (default): their mean over rows. `sum`: their sum. A row's loss is in its own unit and
 * covers all its columns; each function says whether columns are summed or averaged.
 */
export type Reduction = 'mean' | 'sum' | 'none';

/** How a loss over a batch becomes one number. */
export interface LossOptions {
  readonly reduction?: Reduction;
}

const checks = { reduction: /* @__PURE__ */ optional(/* @__PURE__ */ oneOf('mean', 'sum', 'none'), 'mean' as const) };
const huberChecks = /* @__PURE__ */ Object.assign({}, checks, {
  delta: /* @__PURE__ */ optional(/* @__PURE__ */ real({ above: 0 }), 1),
});

function reduceRows(rows: Tensor, reduction: Reduction): Tensor {
  if (reduction === 'none') return rows;
  return reduction === 'sum' ? rows.sum() : rows.mean();
}

function checkSame(name: string, prediction: Tensor, target: Tensor): void {
  checkTensor(name, prediction);
  checkTensor(name, target);
  if (!sameShape(prediction.shape, target.shape) || prediction.shape.length === 0) {
    throw new ShapeError(
      `${name}: prediction and target must have one shape with at least one axis, got ${formatShape(prediction.shape)} and ${formatShape(target.shape)}`,
    );
  }
}

/** Mean squared error: each row's is the mean over its columns. */
export function mseLoss(prediction: Tensor, target: Tensor, options?: LossOptions): Tensor {
  checkSame('mseLoss', prediction, target);
  return reduceRows(
    prediction.sub(target).square().mean({ axis: -1 }),
    checkOptions('mseLoss', options, checks).reduction,
  );
}

/** Mean absolute error: each row's is the mean over its columns. */
export function l1Loss(prediction: Tensor, target: Tensor, options?: LossOptions): Tensor {
  checkSame('l1Loss', prediction, target);
  return reduceRows(prediction.sub(target).abs().mean({ axis: -1 }), checkOptions('l1Loss', options, checks).reduction);
}

const half = (d: Expr): Expr => d.mul(d).mul(0.5);
/** ½d² where |d| ≤ δ, δ(|d| − ½δ) beyond, of d and δ. */
const huberOp = /* @__PURE__ */ elementwise(
  'huber',
  (d: Expr, delta: Expr) => select(d.abs().le(delta), half(d), delta.mul(d.abs().sub(delta.mul(0.5)))),
  [(g, d, delta) => g.mul(d.min(delta).max(delta.neg())), null],
);

/** Huber's loss: squared near 0, absolute beyond `delta` (1). Each row's is the mean over its columns. */
export function huberLoss(
  prediction: Tensor,
  target: Tensor,
  options: LossOptions & { readonly delta?: number } = {},
): Tensor {
  checkSame('huberLoss', prediction, target);
  const { delta, reduction } = checkOptions('huberLoss', options, huberChecks);
  const d = prediction.sub(target);
  return reduceRows(apply(huberOp, [d, d.scalar(delta)], undefined).mean({ axis: -1 }), reduction);
}

/** softplus(l) − x·l, of l and x. */
const bceOp = /* @__PURE__ */ elementwise(
  'binaryCrossEntropy',
  (l: Expr, x: Expr) => l.max(0).add(l.abs().neg().exp().log1p()).sub(x.mul(l)),
  [(g, l, x) => g.mul(l.sigmoid().sub(x)), (g, l) => g.mul(l).neg()],
);

/** −x log σ(l) − (1 − x) log(1 − σ(l)) from logits l, stable for |l| = 1000; nats per row, summed over columns. */
export function binaryCrossEntropyWithLogits(logits: Tensor, target: Tensor, options?: LossOptions): Tensor {
  checkSame('binaryCrossEntropyWithLogits', logits, target);
  return reduceRows(
    apply(bceOp, [logits, target], undefined).sum({ axis: -1 }),
    checkOptions('binaryCrossEntropyWithLogits', options, checks).reduction,
  );
}

/**
 * −log softmax(logits) at the right class, in nats per row. `target` is class numbers, one per row, or probabilities in
 * the shape of the logits.
 */
export function crossEntropy(logits: Tensor, target: Tensor | readonly number[], options?: LossOptions): Tensor {
  checkTensor('crossEntropy', logits);
  const classes = logits.shape[logits.shape.length - 1] ?? 0;
  const given = Array.isArray(target)
    ? logits.from(list(whole({ min: 0 }))(target, { caller: 'crossEntropy', path: 'target' }), [target.length])
    : checkTensor('crossEntropy', target as Tensor);
  const probabilities = sameShape(given.shape, logits.shape) ? given : oneHot(given, classes);
  checkSame('crossEntropy', logits, probabilities);
  return reduceRows(
    sum(mul(logSoftmax(logits), probabilities), { axis: -1 }).neg(),
    checkOptions('crossEntropy', options, checks).reduction,
  );
}

/** p·(log p − log q), with 0·log 0 = 0, of p and log q. */
const klOp = /* @__PURE__ */ elementwise(
  'klDivergence',
  (p: Expr, logQ: Expr) => select(p.le(0), 0, p.mul(p.log().sub(logQ))),
  [(g, p, logQ) => g.mul(p.log().sub(logQ).add(1)), (g, p) => g.mul(p).neg()],
);

/** KL(p ‖ q) = Σ p (log p − log q) of probability vectors p, given log q; nats per row, summed over columns. */
export function klDivergence(p: Tensor, logQ: Tensor, options?: LossOptions): Tensor {
  checkSame('klDivergence', p, logQ);
  return reduceRows(
    apply(klOp, [p, logQ], undefined).sum({ axis: -1 }),
    checkOptions('klDivergence', options, checks).reduction,
  );
}
