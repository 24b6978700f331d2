import {
  type Check,
  type Checked,
  type Checks,
  isPlainObject,
  oneOf,
  optional,
  real,
  refuse,
  whole,
} from '@latent/tensor';
import { type Definition, Kind, type Part, partOf } from '../registry/registry.ts';

/** A number that changes over a run (a learning rate, β), as a value: what it is at a step or an epoch, counted from 0. */
export interface Schedule extends Part {
  /** What its positions count. */
  readonly by: 'step' | 'epoch';
  at(position: number): number;
  /** Of a schedule with a memory: one like it that remembers nothing. Each optimizer has its own. */
  fresh?(): Schedule;
}

/** The schedules that runs, and their checkpoints, may have. */
export const schedules: Kind<Schedule> = /* @__PURE__ */ new Kind<Schedule>(
  'schedule',
  (part) => `{ ${part}Schedule } from '@latent/nn'`,
);

interface Counted {
  /** What positions count; 'step' by default. */
  readonly by?: 'step' | 'epoch';
}

const by = /* @__PURE__ */ optional(/* @__PURE__ */ oneOf('step', 'epoch'), 'step' as const);
const positive = /* @__PURE__ */ real({ above: 0 });
const rateCheck = /* @__PURE__ */ real({ min: 0 });
const atLeast0 = /* @__PURE__ */ optional(rateCheck, 1);
const share = /* @__PURE__ */ real({ min: 0, below: 1 });

function schedule<S extends Checks>(
  name: string,
  options: S,
  at: (options: Checked<S>) => (position: number) => number,
) {
  return schedules.known(name, {
    options: { by, ...options },
    caller: `${name}Schedule`,
    build: (checked) => ({ by: checked.by as Schedule['by'], at: at(checked as Checked<S>) }),
  });
}

const constantPart = /* @__PURE__ */ schedule(
  'constant',
  { rate: rateCheck },
  ({ rate }) =>
    () =>
      rate,
);
/** Always `rate`. */
export function constantSchedule(options: Counted & { readonly rate: number }): Schedule {
  return constantPart.make(options);
}

const exponentialPart = /* @__PURE__ */ schedule(
  'exponential',
  { rate: positive, gamma: positive },
  ({ rate, gamma }) =>
    (i) =>
      rate * gamma ** i,
);
/** rate·γⁱ. */
export function exponentialSchedule(options: Counted & { readonly rate: number; readonly gamma: number }): Schedule {
  return exponentialPart.make(options);
}

const stepPart = /* @__PURE__ */ schedule(
  'step',
  { rate: positive, gamma: positive, every: positive },
  ({ rate, gamma, every }) =>
    (i) =>
      rate * gamma ** Math.floor(i / every),
);
/** rate·γ^⌊i / every⌋. */
export function stepSchedule(
  options: Counted & { readonly rate: number; readonly gamma: number; readonly every: number },
): Schedule {
  return stepPart.make(options);
}

const ratesCheck: Check<Readonly<Record<string, number>>> = (value, at) => {
  if (!isPlainObject(value)) return refuse(at, 'an object of rates by position', value);
  for (const [position, rate] of Object.entries(value)) {
    const isPosition = /^\d+$/.test(position) && Number.isSafeInteger(Number(position));
    if (!isPosition) refuse({ caller: at.caller, path: `a position of ${at.path}` }, 'a whole number ≥ 0', position);
    rateCheck(rate, { caller: at.caller, path: `${at.path}[${position}]` });
  }
  if (!Object.keys(value).some((position) => Number(position) === 0)) {
    return refuse(at, 'an object of rates by position, the first of them 0', value);
  }
  return value as Record<string, number>;
};
const mapPart = /* @__PURE__ */ schedule('map', { rates: ratesCheck }, ({ rates }) => {
  const positions = Object.keys(rates)
    .map(Number)
    .sort((a, b) => a - b);
  return (i) => rates[positions.findLast((position) => position <= i) as number] as number;
});
/** The rate of the last position that is listed: `{ 0: 1e-3, 100: 1e-4 }` is 1e-3 up to position 99. */
export function mapSchedule(options: Counted & { readonly rates: Readonly<Record<number, number>> }): Schedule {
  return mapPart.make(options);
}

const inversePart = /* @__PURE__ */ schedule(
  'inverse',
  { rate: positive, gamma: positive, power: atLeast0 },
  ({ rate, gamma, power }) =>
    (i) =>
      rate / (1 + gamma * i) ** power,
);
/** rate / (1 + γ·i)^power. */
export function inverseSchedule(
  options: Counted & { readonly rate: number; readonly gamma: number; readonly power?: number },
): Schedule {
  return inversePart.make(options);
}

const ending = { rate: positive, steps: positive, end: /* @__PURE__ */ optional(rateCheck, 0) };
const polynomialPart = /* @__PURE__ */ schedule(
  'polynomial',
  /* @__PURE__ */ Object.assign({}, ending, { power: atLeast0 }),
  ({ rate, steps, power, end }) =>
    (i) =>
      end + (rate - end) * (1 - Math.min(i, steps) / steps) ** power,
);
/** From `rate` to `end` (0) over `steps`: end + (rate − end)·(1 − i / steps)^power. */
export function polynomialSchedule(
  options: Counted & { readonly rate: number; readonly steps: number; readonly power?: number; readonly end?: number },
): Schedule {
  return polynomialPart.make(options);
}

const cosinePart = /* @__PURE__ */ schedule(
  'cosine',
  ending,
  ({ rate, steps, end }) =>
    (i) =>
      end + ((rate - end) * (1 + Math.cos((Math.PI * Math.min(i, steps)) / steps))) / 2,
);
/** Half a cosine from `rate` to `end` (0) over `steps` (Loshchilov & Hutter 2017). */
export function cosineSchedule(
  options: Counted & { readonly rate: number; readonly steps: number; readonly end?: number },
): Schedule {
  return cosinePart.make(options);
}

const riseCheck = /* @__PURE__ */ optional(share, 0.3);
const oneCyclePart = /* @__PURE__ */ schedule(
  'oneCycle',
  { rate: positive, steps: positive, rise: riseCheck },
  ({ rate, steps, rise }) => {
    const peak = rise * steps - 1;
    const along = (from: number, to: number, part: number): number =>
      to + ((from - to) * (1 + Math.cos(Math.PI * part))) / 2;
    return (i) => {
      const at = Math.min(i, steps - 1);
      if (at < peak) return along(rate / 25, rate, at / peak);
      return along(rate, rate / 250_000, (at - peak) / (steps - 1 - peak));
    };
  },
);
/**
 * Up from `rate` / 25 to `rate` over the first `rise` (0.3) of `steps`, down to `rate` / 250,000 over the rest, both along
 * cosines (Smith & Topin 2018, in PyTorch's form).
 */
export function oneCycleSchedule(
  options: Counted & { readonly rate: number; readonly steps: number; readonly rise?: number },
): Schedule {
  return oneCyclePart.make(options);
}

/** A rate that follows the losses of epochs, with a memory. */
export interface PlateauSchedule extends Schedule {
  /** Tells it the loss of an epoch. */
  observe(loss: number): void;
  /** What it remembers, as plain data for a checkpoint; `best` is null before the first epoch. */
  state: { rate: number; best: number | null; waited: number };
  fresh(): Schedule;
}

/** Whether a schedule wants to be told the losses of epochs. */
export function followsLoss(schedule: Schedule | null): schedule is PlateauSchedule {
  return schedule !== null && 'observe' in schedule;
}

const warmUpPart: Definition<Schedule> = /* @__PURE__ */ schedules.known('warmUp', {
  caller: 'warmUpSchedule',
  options: { steps: positive, after: (value, at) => partOf(schedules, 'cosineSchedule({ … })')(value, at) },
  build({ steps, after }) {
    const warmed = { by: after.by, at: (i: number) => after.at(i) * Math.min(1, (i + 1) / steps) };
    if (!followsLoss(after)) return warmed;
    // Around a plateau it is one too, and passes on what it is told.
    const plateau = {
      ...warmed,
      observe: (loss: number) => after.observe(loss),
      fresh: () => warmUpPart.make({ steps, after: after.fresh() }),
    };
    return Object.defineProperty(plateau, 'state', {
      enumerable: true,
      get: () => after.state,
      set: (state: PlateauSchedule['state']) => {
        after.state = state;
      },
    });
  },
});
/** `after`, times (i + 1) / steps at the first `steps` positions i, which count as it does. */
export function warmUpSchedule(options: { readonly steps: number; readonly after: Schedule }): Schedule {
  return warmUpPart.make(options);
}

const plateauChecks = {
  rate: positive,
  factor: /* @__PURE__ */ optional(share, 0.1),
  patience: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 0 }), 10),
  minDelta: /* @__PURE__ */ optional(rateCheck, 0),
  minRate: /* @__PURE__ */ optional(rateCheck, 0),
};
const plateauPart: Definition<Schedule> = /* @__PURE__ */ schedules.known('plateau', {
  caller: 'plateauSchedule',
  options: plateauChecks,
  build({ rate, factor, patience, minDelta, minRate }) {
    const plateau = {
      by: 'epoch' as const,
      state: { rate, best: null as number | null, waited: 0 },
      at: () => plateau.state.rate,
      fresh: () => plateauPart.make({ rate, factor, patience, minDelta, minRate }),
      observe(loss: number) {
        const { best, waited } = plateau.state;
        if (loss < (best ?? Infinity) - minDelta) plateau.state = { ...plateau.state, best: loss, waited: 0 };
        else if (waited + 1 > patience)
          plateau.state = { best, rate: Math.max(minRate, plateau.state.rate * factor), waited: 0 };
        else plateau.state = { ...plateau.state, waited: waited + 1 };
      },
    };
    return plateau;
  },
});
/** Down by `factor` (0.1) each time the loss has not fallen below its best for `patience` (10) epochs. */
export function plateauSchedule(options: {
  readonly rate: number;
  readonly factor?: number;
  readonly patience?: number;
  /** A loss counts as lower when it is by more than this; 0 by default. */
  readonly minDelta?: number;
  readonly minRate?: number;
}): PlateauSchedule {
  return plateauPart.make(options) as PlateauSchedule;
}
