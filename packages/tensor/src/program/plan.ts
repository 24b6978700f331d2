import { FULL } from '../kernels/map/layout.ts';
import { align } from '../memory/linear-memory.ts';
import type { Operand, Step, Value } from './recorder.ts';

export interface Plan {
  /** Bytes of memory for all values. */
  readonly bytes: number;
  /** Where in it each temporary, constant and draw is. */
  readonly offsets: ReadonlyMap<Value, number>;
}

/** Values that share one place, and when it is in use: from step `first` to step `last`. */
interface Tenant {
  readonly values: Value[];
  first: number;
  last: number;
  readonly bytes: number;
}

/** Kernels may read a vector past an operand; the next value starts after it. */
const SLACK = 16;

/**
 * Gives every value a place such that two values are in the same place only when one is dead before the other is made.
 * Large values go first, each to the lowest place that is free for its whole life. A map's result goes where an input
 * was that nobody needs any more.
 */
export function plan(steps: readonly Step[], results: ReadonlySet<Value>): Plan {
  const tenants = lives(steps, results);
  const offsets = new Map<Value, number>();
  const placed: { readonly tenant: Tenant; readonly offset: number }[] = [];
  let total = 0;
  for (const tenant of [...new Set(tenants.values())].sort((a, b) => b.bytes - a.bytes)) {
    const size = align(tenant.bytes + SLACK);
    const neighbours = placed
      .filter(({ tenant: other }) => other.first <= tenant.last && tenant.first <= other.last)
      .sort((a, b) => a.offset - b.offset);
    let offset = 0;
    for (const other of neighbours) {
      if (offset + size <= other.offset) break;
      offset = Math.max(offset, other.offset + align(other.tenant.bytes + SLACK));
    }
    placed.push({ tenant, offset });
    for (const value of tenant.values) offsets.set(value, offset);
    total = Math.max(total, offset + size);
  }
  return { bytes: total, offsets };
}

function lives(steps: readonly Step[], results: ReadonlySet<Value>): Map<Value, Tenant> {
  const tenants = new Map<Value, Tenant>();
  steps.forEach((step, at) => {
    for (const { value } of step.operands) {
      if (value.kind === 'fixed') continue;
      const tenant = tenants.get(value);
      // Constants and draws are written before the step begins.
      if (tenant === undefined) {
        const first = value.kind === 'temporary' ? at : 0;
        tenants.set(value, {
          values: [value],
          first,
          last: value.kind === 'temporary' ? at : Infinity,
          bytes: value.bytes,
        });
      } else tenant.last = Math.max(tenant.last, at);
    }
  });
  for (const value of results) {
    if (value.kind === 'fixed') continue;
    const tenant = tenants.get(value);
    if (tenant !== undefined) tenant.last = Infinity;
    else tenants.set(value, { values: [value], first: 0, last: Infinity, bytes: value.bytes });
  }
  steps.forEach((step, at) => {
    const target = inPlace(step, at, tenants);
    if (target === null) return;
    const [from, to] = target;
    from.values.push(...to.values);
    from.last = to.last;
    for (const value of to.values) tenants.set(value, from);
  });
  return tenants;
}

/** The tenants of a map's input and output that may be one: same size, and the input dies here. */
function inPlace(step: Step, at: number, tenants: ReadonlyMap<Value, Tenant>): [Tenant, Tenant] | null {
  const { call, operands } = step;
  const { formula } = call.kernel;
  if (!formula?.writes) return null;
  const outputs = call.kernel.outputs(call);
  const { layouts } = formula.of(call);
  const result = tenants.get(operands[0].value);
  if (result === undefined || operands[0].value.kind !== 'temporary' || step.partial || result.first !== at)
    return null;
  for (let i = 0; i < layouts.length; i++) {
    const { value, offset } = operands[outputs + i];
    const tenant = tenants.get(value);
    const same = value.kind === 'temporary' && offset === 0 && value.bytes === operands[0].value.bytes;
    const alone = operands.every((other, j) => j < outputs || other.value !== value || layouts[j - outputs] === FULL);
    if (tenant && tenant !== result && tenant.last === at && layouts[i] === FULL && same && alone) {
      return [tenant, result];
    }
  }
  return null;
}

/** The operand's address in a plan whose memory starts at `base`. */
export function addressIn({ offsets }: Plan, base: number, { value, offset }: Operand): number {
  return (value.kind === 'fixed' ? value.address : base + (offsets.get(value) as number)) + offset;
}
