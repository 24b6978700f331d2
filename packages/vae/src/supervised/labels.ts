import type { Dataset } from '@latent/nn';
import { ValueError } from '@latent/tensor';
import { checkBeside } from '../model/dealt-rows.ts';

/** A data set whose labels y are checked as they go by: whole numbers from 0, or where `some` are known also −1 and holes. */
export function withLabels(caller: string, data: Dataset, classes: number, some: boolean): Dataset {
  checkBeside(caller, data, { y: [] });
  return (
    data.mapped?.('y', ({ values }) =>
      Float32Array.from(values, (label, r) => {
        if (Number.isSafeInteger(label) && label >= 0 && label < classes) return label;
        if (some && (label === -1 || Number.isNaN(label))) return -1;
        throw new ValueError(
          `${caller}: labels must be whole numbers from 0 to ${classes - 1}${some ? ', or −1 where one is not known' : ''}, got ${label} for row ${r}`,
        );
      }),
    ) ?? data
  );
}
