import type { PlateauSchedule } from '../schedule/schedule.ts';
import type { Callback } from './callback.ts';

/** Tells a schedule that follows the losses of epochs what they are. */
export function plateauCallback(schedule: PlateauSchedule): Callback {
  return {
    name: 'plateau',
    afterEpoch(event, { watched }) {
      schedule.observe(watched(event));
      return undefined;
    },
    state: () => ({ values: { ...schedule.state } }),
    refuses: ({ values: { rate, best, waited } }) =>
      typeof rate === 'number' && rate >= 0 && typeof waited === 'number' && (best === null || typeof best === 'number')
        ? null
        : 'it has no rate, best loss and count of epochs waited',
    restore({ values: { rate, best, waited } }) {
      schedule.state = { rate, best, waited } as PlateauSchedule['state'];
    },
  };
}
