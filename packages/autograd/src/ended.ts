import { type GraphNode, type JointOp, type Op, type Tensor, UsageError } from '@latent/tensor';
import { isRecording } from './recording.ts';

/** What a tensor carries that a step or a compiled function returned, where gradients would have to flow back into it. */
export class EndedNode implements GraphNode {
  readonly ended = true;
  readonly isParameter = false;

  get grad(): null {
    return null;
  }
  set grad(_gradient: Tensor | null) {}

  record(op: Op, inputs: readonly Tensor[], params: unknown, output: Tensor): void {
    if (!isRecording()) return;
    const tracked = inputs.find((x) => x.node !== null && !x.node.ended);
    if (tracked === undefined) output.node = this;
    else tracked.node?.record(op, inputs, params, output);
  }

  recordJoint(op: JointOp, inputs: readonly Tensor[], params: unknown, outputs: readonly Tensor[]): void {
    if (!isRecording()) return;
    const tracked = inputs.find((x) => x.node !== null && !x.node.ended);
    if (tracked === undefined) for (const output of outputs) output.node = this;
    else tracked.node?.recordJoint(op, inputs, params, outputs);
  }

  get recording(): boolean {
    return false;
  }

  backward(): never {
    return refuseEnded();
  }

  end(): GraphNode {
    return this;
  }
}

export const ENDED: GraphNode = /* @__PURE__ */ new EndedNode();

/** Throws what every attempt to go on into a step that is over does. */
export function refuseEnded(): never {
  throw new UsageError(
    'backward: gradients would have to flow into a tensor that a step or a compiled function returned, where they ended; call backward inside that function, or cut the tensor off with stopGradient(x)',
  );
}
