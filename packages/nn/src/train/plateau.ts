import type { PlateauSchedule } from '../schedule/schedule.ts';
import type { Callback } from './callback.ts';

/** Tells a schedule that follows the losses of epochs what they are. */
export function plateauCallback(schedule: PlateauSchedule): Callback {
  const beginning = { ...schedule.state };
  return {
    name: 'plateau',
    begin() {
      schedule.state = { ...beginning };
    },
    afterEpoch(event, { watched }) {
      schedule.observe(watched(event));
      return undefined;
    },
    state: () => ({ values: { ...schedule.state } }),
    refuses: ({ values: { rate, waited } }) =>
      typeof rate === 'number' && typeof waited === 'number' ? null : 'it has no rate and count of epochs waited',
    restore({ values }) {
      schedule.state = values as unknown as PlateauSchedule['state'];
    },
  };
}
