import { ValueError } from '@latent/tensor';
import { checkRange } from '../optim/optimizer.ts';

/** A number that changes over a run (a learning rate, β), as a value: what it is at a step or an epoch, counted from 0. */
export interface Schedule {
  /** What its positions count. */
  readonly by: 'step' | 'epoch';
  at(position: number): number;
  /** Plain data that says which schedule it is; see `scheduleFromConfig`. */
  config(): ScheduleConfig;
}

export interface ScheduleConfig {
  readonly name: string;
  readonly by: 'step' | 'epoch';
  readonly options: Readonly<Record<string, unknown>>;
}

interface Counted {
  /** What positions count; 'step' by default. */
  readonly by?: 'step' | 'epoch';
}

type Options = Readonly<Record<string, unknown>>;

function make<O extends Counted>(name: string, options: O, at: (position: number) => number): Schedule {
  const { by = 'step', ...rest } = options as O & Options;
  return { by, at, config: () => ({ name, by, options: rest }) };
}

function positive(name: string, values: Readonly<Record<string, number>>): void {
  for (const [option, value] of Object.entries(values)) {
    if (!(value > 0 && value < Infinity)) throw new ValueError(`${name}: ${option} must be > 0, got ${value}`);
  }
}

/** Always `rate`. */
export function constantSchedule(options: Counted & { readonly rate: number }): Schedule {
  checkRange('constantSchedule', 'rate', options.rate, 0);
  return make('constant', options, () => options.rate);
}

/** rate·γⁱ. */
export function exponentialSchedule(options: Counted & { readonly rate: number; readonly gamma: number }): Schedule {
  positive('exponentialSchedule', { rate: options.rate, gamma: options.gamma });
  return make('exponential', options, (i) => options.rate * options.gamma ** i);
}

/** rate·γ^⌊i / every⌋. */
export function stepSchedule(
  options: Counted & { readonly rate: number; readonly gamma: number; readonly every: number },
): Schedule {
  positive('stepSchedule', { rate: options.rate, gamma: options.gamma, every: options.every });
  return make('step', options, (i) => options.rate * options.gamma ** Math.floor(i / options.every));
}

/** The rate of the last position that is listed: `{ 0: 1e-3, 100: 1e-4 }` is 1e-3 up to position 99. */
export function mapSchedule(options: Counted & { readonly rates: Readonly<Record<number, number>> }): Schedule {
  const positions = Object.keys(options.rates)
    .map(Number)
    .sort((a, b) => a - b);
  if (positions[0] !== 0) throw new ValueError(`mapSchedule: the first position must be 0, got ${positions[0]}`);
  for (const rate of Object.values(options.rates)) checkRange('mapSchedule', 'rate', rate, 0);
  return make('map', options, (i) => options.rates[positions.findLast((position) => position <= i) as number]);
}

/** rate / (1 + γ·i)^power. */
export function inverseSchedule(
  options: Counted & { readonly rate: number; readonly gamma: number; readonly power?: number },
): Schedule {
  positive('inverseSchedule', { rate: options.rate, gamma: options.gamma });
  const { rate, gamma, power = 1 } = options;
  return make('inverse', options, (i) => rate / (1 + gamma * i) ** power);
}

/** From `rate` to `end` (0) over `steps`: end + (rate − end)·(1 − i / steps)^power. */
export function polynomialSchedule(
  options: Counted & { readonly rate: number; readonly steps: number; readonly power?: number; readonly end?: number },
): Schedule {
  positive('polynomialSchedule', { rate: options.rate, steps: options.steps });
  const { rate, steps, power = 1, end = 0 } = options;
  checkRange('polynomialSchedule', 'power', power, 0);
  checkRange('polynomialSchedule', 'end', end, 0);
  return make('polynomial', options, (i) => end + (rate - end) * (1 - Math.min(i, steps) / steps) ** power);
}

/** Half a cosine from `rate` to `end` (0) over `steps` (Loshchilov & Hutter 2017). */
export function cosineSchedule(
  options: Counted & { readonly rate: number; readonly steps: number; readonly end?: number },
): Schedule {
  positive('cosineSchedule', { rate: options.rate, steps: options.steps });
  const { rate, steps, end = 0 } = options;
  checkRange('cosineSchedule', 'end', end, 0);
  return make(
    'cosine',
    options,
    (i) => end + ((rate - end) * (1 + Math.cos((Math.PI * Math.min(i, steps)) / steps))) / 2,
  );
}

/**
 * Up from `rate` / 25 to `rate` over the first `rise` (0.3) of `steps`, down to `rate` / 250,000 over the rest, both along
 * cosines (Smith & Topin 2018, in PyTorch's form).
 */
export function oneCycleSchedule(
  options: Counted & { readonly rate: number; readonly steps: number; readonly rise?: number },
): Schedule {
  positive('oneCycleSchedule', { rate: options.rate, steps: options.steps });
  const { rate, steps, rise = 0.3 } = options;
  checkRange('oneCycleSchedule', 'rise', rise, 0, 1);
  const peak = rise * steps - 1;
  const along = (from: number, to: number, share: number): number =>
    to + ((from - to) * (1 + Math.cos(Math.PI * share))) / 2;
  return make('oneCycle', options, (i) => {
    const at = Math.min(i, steps - 1);
    if (at < peak) return along(rate / 25, rate, at / peak);
    return along(rate, rate / 250_000, (at - peak) / (steps - 1 - peak));
  });
}

/**
 * `after`, times (i + 1) / steps at the first `steps` positions i, which count as it does. Around a plateau it is one too,
 * and passes on what it is told.
 */
export function warmUpSchedule(options: { readonly steps: number; readonly after: Schedule }): Schedule {
  positive('warmUpSchedule', { steps: options.steps });
  const { steps, after } = options;
  const warmed: Schedule = {
    by: after.by,
    at: (i) => after.at(i) * Math.min(1, (i + 1) / steps),
    config: () => ({ name: 'warmUp', by: after.by, options: { steps, after: after.config() } }),
  };
  return 'observe' in after ? plateauAs(warmed, after as PlateauSchedule) : warmed;
}

/** `outer`, which changes what `plateau` says, as a plateau with its memory. */
function plateauAs(outer: Schedule, plateau: PlateauSchedule): PlateauSchedule {
  return {
    ...outer,
    observe: (loss) => plateau.observe(loss),
    get state() {
      return plateau.state;
    },
    set state(state) {
      plateau.state = state;
    },
  };
}

/** Down by `factor` (0.1) each time the loss has not fallen below its best for `patience` (10) epochs. */
export interface PlateauSchedule extends Schedule {
  /** Tells it the loss of an epoch. */
  observe(loss: number): void;
  /** What it remembers, as plain data for a checkpoint; `best` is null before the first epoch. */
  state: { rate: number; best: number | null; waited: number };
}

export function plateauSchedule(options: {
  readonly rate: number;
  readonly factor?: number;
  readonly patience?: number;
  /** A loss counts as lower when it is by more than this; 0 by default. */
  readonly minDelta?: number;
  readonly minRate?: number;
}): PlateauSchedule {
  positive('plateauSchedule', { rate: options.rate });
  const { rate, factor = 0.1, patience = 10, minDelta = 0, minRate = 0 } = options;
  checkRange('plateauSchedule', 'factor', factor, 0, 1);
  checkRange('plateauSchedule', 'patience', patience, 0);
  checkRange('plateauSchedule', 'minDelta', minDelta, 0);
  checkRange('plateauSchedule', 'minRate', minRate, 0);
  return {
    by: 'epoch',
    state: { rate, best: null, waited: 0 },
    at() {
      return this.state.rate;
    },
    observe(loss) {
      const { best, waited } = this.state;
      if (loss < (best ?? Infinity) - minDelta) this.state = { ...this.state, best: loss, waited: 0 };
      else if (waited + 1 > patience)
        this.state = { best, rate: Math.max(minRate, this.state.rate * factor), waited: 0 };
      else this.state = { ...this.state, waited: waited + 1 };
    },
    config: () => ({ name: 'plateau', by: 'epoch', options }),
  };
}

const BUILDERS: Readonly<Record<string, (options: never) => Schedule>> = {
  constant: constantSchedule,
  exponential: exponentialSchedule,
  step: stepSchedule,
  map: mapSchedule,
  inverse: inverseSchedule,
  polynomial: polynomialSchedule,
  cosine: cosineSchedule,
  oneCycle: oneCycleSchedule,
  plateau: plateauSchedule,
};

/** The schedule that `config()` described. */
export function scheduleFromConfig({ name, by, options }: ScheduleConfig): Schedule {
  if (name === 'warmUp') {
    const { steps, after } = options as { steps: number; after: ScheduleConfig };
    return warmUpSchedule({ steps, after: scheduleFromConfig(after) });
  }
  if (!Object.hasOwn(BUILDERS, name)) {
    throw new ValueError(
      `scheduleFromConfig: no schedule named '${name}'; known are ${Object.keys(BUILDERS).join(', ')}`,
    );
  }
  return BUILDERS[name]({ ...options, by } as never);
}
