import { describe, expect, it } from 'vitest';
import {
  constantSchedule,
  cosineSchedule,
  exponentialSchedule,
  inverseSchedule,
  mapSchedule,
  oneCycleSchedule,
  type PlateauSchedule,
  plateauSchedule,
  polynomialSchedule,
  type Schedule,
  schedules,
  stepSchedule,
  warmUpSchedule,
} from './schedule.ts';

const table: [string, Schedule, Record<number, number>][] = [
  ['constant', constantSchedule({ rate: 0.3 }), { 0: 0.3, 99: 0.3 }],
  ['exponential', exponentialSchedule({ rate: 2, gamma: 0.5 }), { 0: 2, 3: 0.25 }],
  ['step', stepSchedule({ rate: 1, gamma: 0.1, every: 10 }), { 9: 1, 10: 0.1, 25: 0.01 }],
  ['map', mapSchedule({ rates: { 0: 1, 5: 0.5, 8: 0.2 } }), { 0: 1, 4: 1, 5: 0.5, 7: 0.5, 100: 0.2 }],
  ['inverse', inverseSchedule({ rate: 1, gamma: 1, power: 2 }), { 0: 1, 1: 0.25, 3: 1 / 16 }],
  [
    'polynomial',
    polynomialSchedule({ rate: 1, steps: 10, power: 2, end: 0.1 }),
    { 0: 1, 5: 0.1 + 0.9 / 4, 10: 0.1, 20: 0.1 },
  ],
  ['cosine', cosineSchedule({ rate: 1, steps: 4 }), { 0: 1, 1: (1 + Math.SQRT1_2) / 2, 2: 0.5, 4: 0, 9: 0 }],
  // torch.optim.lr_scheduler.OneCycleLR(max_lr=1, total_steps=10).
  ['oneCycle', oneCycleSchedule({ rate: 1, steps: 10 }), { 0: 0.04, 1: 0.52, 2: 1, 9: 4e-6, 50: 4e-6 }],
  // The rise is over at once: rise·steps − 1 is 0.
  ['oneCycle without a rise', oneCycleSchedule({ rate: 1, steps: 10, rise: 0.1 }), { 0: 1, 9: 4e-6 }],
  ['warm-up', warmUpSchedule({ steps: 4, after: constantSchedule({ rate: 2 }) }), { 0: 0.5, 1: 1, 3: 2, 10: 2 }],
];

const at = { caller: 'test', path: 'learningRate' };

describe.each(table)('%s schedule', (_name, schedule, want) => {
  it('has its values, also when made again from its configuration', () => {
    const again = schedules.resolve(JSON.parse(JSON.stringify(schedule.config())), at);
    for (const [position, value] of Object.entries(want)) {
      expect(schedule.at(Number(position))).toBeCloseTo(value, 12);
      expect(again.at(Number(position))).toBe(schedule.at(Number(position)));
    }
    expect(again.by).toBe(schedule.by);
  });
});

describe('schedules', () => {
  it('refuse what cannot be', () => {
    expect(() => stepSchedule({ rate: 1, gamma: 0.1, every: 0 })).toThrow(
      'stepSchedule: every must be a number > 0, got 0',
    );
    expect(() => mapSchedule({ rates: { 3: 1 } })).toThrow(
      'mapSchedule: rates must be an object of rates by position, the first of them 0, got an object',
    );
    expect(() => schedules.resolve({ name: 'cosin', by: 'step' }, at)).toThrow(
      "test: there is no schedule (learningRate) 'cosin'; did you mean 'cosine'?",
    );
  });

  it.each<[string, () => Schedule]>([
    ['constantSchedule: rate must be a number ≥ 0, got NaN', () => constantSchedule({ rate: NaN })],
    ['mapSchedule: rates[2] must be a number ≥ 0, got -1', () => mapSchedule({ rates: { 0: 1, 2: -1 } })],
    ['polynomialSchedule: power must be', () => polynomialSchedule({ rate: 1, steps: 2, power: -1 })],
    ['polynomialSchedule: end must be', () => polynomialSchedule({ rate: 1, steps: 2, end: -1 })],
    ['cosineSchedule: end must be', () => cosineSchedule({ rate: 1, steps: 2, end: -1 })],
    [
      'oneCycleSchedule: rise must be a number ≥ 0 and < 1, got 2',
      () => oneCycleSchedule({ rate: 1, steps: 2, rise: 2 }),
    ],
    ['plateauSchedule: factor must be a number ≥ 0 and < 1, got 3', () => plateauSchedule({ rate: 1, factor: 3 })],
    ['plateauSchedule: patience must be', () => plateauSchedule({ rate: 1, patience: -1 })],
  ])('refuse: %s', (message, make) => {
    expect(make).toThrow(message);
  });

  it('remember a plateau as JSON, also before its first epoch and inside a warm-up', () => {
    const make = (): PlateauSchedule =>
      warmUpSchedule({ steps: 2, after: plateauSchedule({ rate: 1, factor: 0.5, patience: 0 }) }) as PlateauSchedule;
    const losses = [5, 4, 3, 3, 2, 2];
    const rates = (resumeAt: number): number[] => {
      let schedule = make();
      return losses.map((loss, i) => {
        if (i === resumeAt) {
          const state = JSON.parse(JSON.stringify(schedule.state));
          schedule = make();
          schedule.state = state;
        }
        schedule.observe(loss);
        return schedule.at(i);
      });
    };
    const want = [0.5, 1, 1, 0.5, 0.5, 0.25];
    for (const resumeAt of [-1, 0, 1, 4]) expect(rates(resumeAt)).toEqual(want);
  });

  it('by epoch say so, and a plateau keeps its state apart from its configuration', () => {
    expect(cosineSchedule({ rate: 1, steps: 3, by: 'epoch' }).by).toBe('epoch');
    const plateau = plateauSchedule({ rate: 1, patience: 0 });
    plateau.observe(1);
    plateau.observe(2);
    expect(plateau.at(0)).toBe(0.1);
    expect(schedules.resolve(plateau.config(), at).at(0)).toBe(1);
  });
});
