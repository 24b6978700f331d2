import { courses, describeCourse, someLengths } from '../recurrence/samples.ts';
import type { KernelSample, KernelSamples } from '../samples.ts';
import { type RecurrenceGradientCall, recurrenceGradientCall } from './recurrence-gradient.ts';

/** All gradients, that to y alone, those to the last states alone, and one of them. */
const choices: readonly ((states: number) => readonly boolean[])[] = [
  (states) => new Array<boolean>(1 + states).fill(true),
  (states) => Array.from({ length: 1 + states }, (_, i) => i === 0),
  (states) => Array.from({ length: 1 + states }, (_, i) => i > 0),
  (states) => Array.from({ length: 1 + states }, (_, i) => i === states),
];

export const recurrenceGradientSamples = courses.map((course, i): KernelSample<RecurrenceGradientCall> => {
  const given = choices[i % choices.length]!(course.cell.states);
  const lengthsAt = 3 + course.cell.states + given.filter(Boolean).length;
  return {
    name: `${describeCourse(course)} of ${given.map(Number).join('')}`,
    call: recurrenceGradientCall('f32', [], course, given),
    tolerance: 2e-5,
    fill: (operand, size, random) =>
      operand === lengthsAt
        ? someLengths(size, course.steps, random)
        : Array.from({ length: size }, () => 2 * random() - 1),
  };
}) as unknown as KernelSamples<RecurrenceGradientCall>;
