export { boolean, category, constant, ordinal } from './category.ts';
export { date, time } from './date.ts';
export { count, mixed, numeric, positive } from './numeric.ts';
export { id, ignore, text } from './passive.ts';
